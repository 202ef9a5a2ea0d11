"""Everything that happens because time passes."""

from __future__ import annotations

from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot import activity
from bot.adapters import heartbeat
from bot.ports import Clock, Journal, Work

SWEEP_SECONDS = 1.0
ALIVE_SECONDS = 15.0


class Timetable:
    """The jobs and their rhythm. None of them keeps state: each asks the journal what is due."""

    def __init__(
        self, journal: Journal, work: Work, clock: Clock, prune: Callable[[], object], measure: Callable[[], object],
        beat: Callable[[], object], alive: Callable[[], object],
    ) -> None:
        self._journal = journal
        self._work = work
        self._clock = clock
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self.sweep, "interval", seconds=SWEEP_SECONDS)
        self._scheduler.add_job(prune, "interval", hours=24)
        self._scheduler.add_job(beat, "interval", seconds=heartbeat.EVERY_SECONDS)
        self._scheduler.add_job(alive, "interval", seconds=ALIVE_SECONDS)
        self._scheduler.add_job(measure, "interval", seconds=activity.EVERY.total_seconds())

    def start(self) -> None:
        """Sweep once at once, then in rhythm."""
        self.sweep()
        self._scheduler.start()

    def running(self) -> bool:
        return bool(self._scheduler.running)

    def stop(self) -> None:
        self._scheduler.shutdown(wait=True)

    def sweep(self) -> None:
        """Wake every record that is due: by its time, or because facts about it were not taken into account."""
        for record in self._journal.find(due_by=self._clock.now()):
            self._work.wake(record.id)
        self._work.tell()

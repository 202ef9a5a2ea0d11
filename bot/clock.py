"""Everything that happens because time passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.ports import Clock, Journal, Work

SWEEP_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something that is done again and again; `every` is in seconds."""

    every: float
    do: Callable[[], object]


class Timetable:
    """The jobs and their rhythm. None of them keeps state: each asks the journal what is due."""

    def __init__(self, journal: Journal, work: Work, clock: Clock, jobs: Sequence[Job] = ()) -> None:
        self._journal = journal
        self._work = work
        self._clock = clock
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job in (Job(every=SWEEP_SECONDS, do=self.sweep), *jobs):
            self._scheduler.add_job(job.do, "interval", seconds=job.every)

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

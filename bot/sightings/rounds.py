"""When each environment's logs are polled: a few threads take whoever is due, and put it back for its next time."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock

import structlog

from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.ports import Clock
from bot.sightings.polling import Poller

log = structlog.get_logger(__name__)

THREADS = 8
AFTER_TROUBLE = timedelta(seconds=15)


class Rounds:
    """`step` is for a `Loop`; the pollers know nothing of each other."""

    def __init__(self, pollers: Mapping[tuple[str, Environment], Poller], clock: Clock, threads: int = THREADS) -> None:
        self.pollers, self._clock, self._lock = pollers, clock, Lock()
        now = clock.now()
        self._due = [(now, key) for key in pollers]
        heapq.heapify(self._due)
        self._threads = ThreadPoolExecutor(threads, "poll")

    def step(self) -> datetime | None:
        """Start every poll that is due; returns when the next one is."""
        now = self._clock.now()
        with self._lock:
            while self._due and self._due[0][0] <= now:
                self._threads.submit(self._poll, heapq.heappop(self._due)[1])
            return self._due[0][0] if self._due else None

    def hurry(self, project: str) -> None:
        """Poll a project now: a promotion of it has just ended, say."""
        now = self._clock.now()
        with self._lock:
            self._due = [(now if key[0] == project else due, key) for due, key in self._due]
            heapq.heapify(self._due)

    def trouble(self, project: str, environment: Environment) -> str:
        """Why these logs are not read now, as a sentence; empty while they are, or where nobody polls them."""
        poller = self.pollers.get((project, environment))
        return poller.trouble if poller else ""

    def stop(self) -> None:
        """No new poll begins; one that runs ends by itself, or its fold finds the store closed."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _poll(self, key: tuple[str, Environment]) -> None:
        due = self._clock.now() + AFTER_TROUBLE
        try:
            due = self.pollers[key].poll()
        except StagedoorError as trouble:
            log.warning("logs.not_kept", project=key[0], environment=key[1], why=str(trouble))
        except Exception:
            log.exception("logs.poll_broke", project=key[0], environment=key[1])
        with self._lock:
            heapq.heappush(self._due, (due, key))

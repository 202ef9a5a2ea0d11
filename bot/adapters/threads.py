"""Work on one machine: a pool of threads that walks records, each record by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

log = structlog.get_logger(__name__)

THREADS = 16
"""Walks at once. A walk that applies holds its thread as long as the migration runs: there are more than projects."""


class Threads:
    """The port `Work` on threads. Nothing is kept here: a lost wake-up is found again by the clock's sweep."""

    def __init__(self, walk: Callable[[str], None], tell: Callable[[], None], threads: int = THREADS) -> None:
        self._walk = walk
        self._tell = tell
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="walk")
        self._queued: set[str] = set()
        self._guard = threading.Lock()

    def wake(self, record: str) -> None:
        """Walk this record soon; one that is queued already is not queued twice."""
        with self._guard:
            if record in self._queued:
                return
            self._queued.add(record)
        try:
            self._pool.submit(self._run, record)
        except RuntimeError:
            log.info("walk.not_queued", record=record, why="shutting down")

    def tell(self) -> None:
        """Show in Slack what changed, soon."""
        self._tell()

    def stop(self) -> None:
        """Begin no further walk and wait for those that run; they were asked to end by `Ports.stopping`."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, record: str) -> None:
        with self._guard:
            self._queued.discard(record)
        try:
            self._walk(record)
        except Exception:
            # The record stays due in the journal, so the next sweep tries it again.
            log.exception("walk.broke", record=record)

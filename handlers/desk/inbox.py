"""The pool that works the inbox off: level-triggered, several deliveries at a time, none of them twice at once."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable

import structlog
from slack_sdk import WebClient

from bot.metrics import Metrics
from bot.ports import Clock, Delivery, Inbox, Journal, Work
from handlers.conversation import Subject
from handlers.desk.desk import Desk

log = structlog.get_logger(__name__)

SWEEP = 1.0   # seconds after which the inbox is asked even if nobody nudged
REREAD = 0.25  # seconds between readings while only second tries wait
STALE = 10.0  # seconds after which a backlog is read again, since other processes work it off as well
PAUSE = 1.0   # seconds that a thread rests after the store failed it


class InboxPool:
    """Asks what is pending, never what arrived: a lost nudge costs a second, a crash nothing."""

    def __init__(
        self, inbox: Inbox, journal: Journal, work: Work, subjects: Iterable[Subject], slack: WebClient, clock: Clock,
        threads: int = 8, metrics: Metrics | None = None,
    ) -> None:
        self._inbox, self._clock, self._threads = inbox, clock, threads
        self._desk = Desk(inbox, journal, work, subjects, slack, clock)
        self._metrics = metrics or Metrics()
        self._nudged, self._stopping = threading.Event(), threading.Event()
        self._taken: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[str] = queue.SimpleQueue()
        # The rest belongs to the dispatcher's thread alone.
        self._busy: dict[str, bool] = {}          # the keys being worked on, and whether it is not for the first time
        self._backlog: deque[Delivery] = deque()
        self._read_at = float("-inf")
        self._running: list[threading.Thread] = []

    def start(self) -> None:
        # Daemons: a handler that hangs must not keep the process from ending, and its row is worked again.
        workers = [threading.Thread(target=self._work, name=f"inbox-{n}", daemon=True) for n in range(self._threads)]
        self._running = [*workers, threading.Thread(target=self._dispatch, name="inbox", daemon=True)]
        for thread in self._running:
            thread.start()

    def nudge(self) -> None:
        """Something was stored. Safe from any thread, and costs nothing."""
        self._nudged.set()

    def drain(self, timeout: float) -> bool:
        """Begin nothing new and wait for what is being worked on; True when it all ended in time."""
        until = time.monotonic() + timeout
        self._stopping.set()
        self._nudged.set()
        for thread in reversed(self._running):  # the dispatcher first: it sends the others home
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._running)

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._nudged.wait(REREAD if self._backlog else SWEEP)
            self._nudged.clear()
            try:
                self._hand_out()
            except Exception:
                log.exception("inbox.unreadable")
                self._stopping.wait(PAUSE)
        for _ in range(self._threads):
            self._taken.put(None)

    def _hand_out(self) -> None:
        # Finished keys are forgotten before the inbox is read: a row read earlier may have been finished since.
        while not self._finished.empty():
            self._busy.pop(self._finished.get(), None)
        free = self._threads - len(self._busy)
        if free <= 0:
            return
        # What arrives while first tries wait comes after them, so there is no need to read it yet.
        age = time.monotonic() - self._read_at
        if not self._backlog or age >= (REREAD if self._backlog[0].attempts > 0 else STALE):
            self._read_at = time.monotonic()
            pending = [row for row in self._inbox.pending(self._clock.now()) if row.key not in self._busy]
            # First tries come first, since a trigger lives three seconds; the sort keeps the order within.
            self._backlog = deque(sorted(pending, key=lambda row: row.attempts > 0))
        while self._backlog and free > 0 and not self._stopping.is_set():
            row = self._backlog[0]
            # What failed before may fail slowly again: at most half of the threads wait for it.
            if row.attempts > 0 and sum(self._busy.values()) >= max(1, self._threads // 2):
                break
            self._backlog.popleft()
            self._busy[row.key] = row.attempts > 0
            self._taken.put(row)
            free -= 1
        self._metrics.waiting.set(len(self._backlog))

    def _work(self) -> None:
        while (row := self._taken.get()) is not None:
            begun, outcome = time.perf_counter(), "held"
            try:
                outcome = self._desk.work(row)
            except Exception:
                # The store failed, so the row is not finished and comes again; not at once, though.
                log.exception("delivery.held", key=row.key)
                self._stopping.wait(PAUSE)
            self._metrics.worked.labels(row.kind, outcome).observe(time.perf_counter() - begun)
            self._finished.put(row.key)
            self._nudged.set()

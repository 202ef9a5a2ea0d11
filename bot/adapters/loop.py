"""A thread that does one thing again whenever it is nudged, and at the latest when it asked to be called again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.ports import Clock

log = structlog.get_logger(__name__)

LONGEST = 5.0
"""Seconds between two rounds at most: a lost nudge costs no more than that."""

SHORTEST = 0.02
"""Seconds between two rounds at least, so that a burst of nudges becomes one round."""


class Loop:
    """Runs `step` in its own thread; what `step` returns is when it wants to be called again (None: when nudged)."""

    def __init__(self, name: str, step: Callable[[], datetime | None], clock: Clock) -> None:
        self._name = name
        self._step = step
        self._clock = clock
        self._nudged = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        """Soon. Safe from any thread."""
        self._nudged.set()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, timeout: float) -> None:
        """End after the round that is running, or after `timeout` seconds without it."""
        self._stopping.set()
        self._nudged.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = LONGEST
            try:
                if again := self._step():
                    pause = min(LONGEST, max(SHORTEST, (again - self._clock.now()).total_seconds()))
            except Exception:
                log.exception("loop.broke", loop=self._name)
                pause = 1.0
            self._nudged.wait(pause)
            self._stopping.wait(SHORTEST)
            self._nudged.clear()

"""Bad days of Slack, made to order: silence, refusals, failures, lost answers and slowness."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["silent", "too_many", "failing", "lost_answer", "slow"]
KINDS: tuple[Kind, ...] = ("silent", "too_many", "failing", "lost_answer", "slow")


@dataclass(kw_only=True)
class Trouble:
    kind: Kind
    methods: tuple[str, ...] = ()  # empty: all of them, the upload address and response_urls included
    times: int | None = None  # None: until cleared
    seconds: float = 0.0
    status: int = 500
    ends_at: float | None = None
    struck: int = 0

    def meets(self, method: str, now: float) -> bool:
        return self.lasts(now) and (not self.methods or method in self.methods)

    def lasts(self, now: float) -> bool:
        if self.times is not None and self.struck >= self.times:
            return False
        return self.ends_at is None or now < self.ends_at

    def payload(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(kw_only=True)
class Troubles:
    clock: Callable[[], float] = time.monotonic
    _all: list[Trouble] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def silent(self, seconds: float, methods: tuple[str, ...] = ()) -> Trouble:
        """For so long every connection hangs; what was asked meanwhile is not done and never answered."""
        return self.add(Trouble(kind="silent", seconds=seconds, ends_at=self.clock() + seconds, methods=methods))

    def too_many(self, times: int | None = 1, retry_after: int = 1, methods: tuple[str, ...] = ()) -> Trouble:
        """The next calls get 429 and are told when to come back."""
        return self.add(Trouble(kind="too_many", times=times, seconds=retry_after, methods=methods))

    def failing(self, times: int | None = 1, status: int = 500, methods: tuple[str, ...] = ()) -> Trouble:
        """The next calls get a server error and are not done."""
        return self.add(Trouble(kind="failing", times=times, status=status, methods=methods))

    def lost_answer(self, times: int | None = 1, methods: tuple[str, ...] = ("chat.postMessage",)) -> Trouble:
        """The next calls are done, but the connection breaks before the answer."""
        return self.add(Trouble(kind="lost_answer", times=times, methods=methods))

    def slow(self, seconds: float, times: int | None = None, methods: tuple[str, ...] = ()) -> Trouble:
        """Every answer comes that much later; the call itself is done at once."""
        return self.add(Trouble(kind="slow", seconds=seconds, times=times, methods=methods))

    def add(self, trouble: Trouble) -> Trouble:
        with self._lock:
            self._all.append(trouble)
        return trouble

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    def current(self) -> list[Trouble]:
        """Those still under way."""
        with self._lock:
            now = self.clock()
            return [trouble for trouble in self._all if trouble.lasts(now)]

    def strike(self, method: str) -> Trouble | None:
        """The trouble that this call runs into, counted; the oldest first."""
        with self._lock:
            now = self.clock()
            for trouble in self._all:
                if trouble.meets(method, now):
                    trouble.struck += 1
                    return trouble
        return None

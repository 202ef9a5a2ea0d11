"""How often Slack lets the bot speak: a message a second in each channel, and a budget a minute for each method."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rehearsal.slack.refusals import Refusal

STRICTNESS = ("off", "posts", "slack")
A_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(kw_only=True)
class _Bucket:
    """Holds so many calls at once and refills at a steady rate."""

    size: float
    refill: float
    level: float
    at: float

    def take(self, now: float) -> float:
        """Zero where there was room, otherwise the seconds until there is."""
        self.level = min(self.size, self.level + (now - self.at) * self.refill)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.refill


@dataclass(kw_only=True)
class Limits:
    """`posts` limits messages alone, `slack` every method too. Bursts are tolerated for a moment, as Slack does."""

    strictness: str = "off"
    burst: int = 4
    clock: Callable[[], float]
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.strictness not in STRICTNESS:
            raise ValueError(f"Limits are one of {', '.join(STRICTNESS)}, not {self.strictness}.")

    def check_post(self, channel: str) -> None:
        if self.strictness != "off":
            self._take(("channel", channel), size=self.burst, refill=1.0)

    def check_method(self, method: str, tier: int) -> None:
        if self.strictness == "slack":
            a_minute = A_MINUTE[tier]
            self._take(("method", method), size=a_minute, refill=a_minute / 60)

    def _take(self, key: tuple[str, str], *, size: float, refill: float) -> None:
        with self._lock:
            now = self.clock()
            bucket = self._buckets.setdefault(key, _Bucket(size=size, refill=refill, level=size, at=now))
            wait = bucket.take(now)
        if wait > 0:
            raise too_many(math.ceil(wait))


def too_many(retry_after: int) -> Refusal:
    return Refusal("ratelimited", status=429, retry_after=retry_after)

"""How fast we speak: budgets that say when, and never sleep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from bot.ports import Clock


@dataclass
class Bucket:
    """A token bucket: `burst` at once, then `rate` a second."""

    rate: float
    burst: float
    tokens: float
    filled: datetime

    def wait(self, now: datetime, reserve: float = 0.0) -> datetime | None:
        """None when a token is there beyond the reserve, otherwise the moment it will be."""
        self.tokens = min(self.burst, self.tokens + max(0.0, (now - self.filled).total_seconds()) * self.rate)
        self.filled = now
        missing = 1 + reserve - self.tokens
        # Half a millisecond of tolerance: summing fractions must not make a caller come back for nothing.
        return None if missing <= 0.0005 else now + timedelta(seconds=missing / self.rate)

    def take(self) -> None:
        self.tokens -= 1


@dataclass
class Pacer:
    """One message a second a channel, about fifty updates a minute in all, and pauses that Slack asked for.

    Part of the updates is kept for changes of state; counters and progress get the rest.
    """

    clock: Clock
    _channels: dict[str, Bucket] = field(default_factory=dict)
    _updates: Bucket | None = None
    _pauses: dict[str, datetime] = field(default_factory=dict)
    _failures: int = 0
    _lock: Lock = field(default_factory=Lock)

    def message(self, channel: str, *, take: bool = True) -> datetime | None:
        """None when a message may go to the channel now (and is counted), otherwise when."""
        with self._lock:
            now = self.clock.now()
            bucket = self._channels.setdefault(channel, Bucket(rate=1.0, burst=5.0, tokens=5.0, filled=now))
            until = bucket.wait(now)
            if until is None and take:
                bucket.take()
            return until

    def update(self, *, urgent: bool) -> datetime | None:
        """None when a message may be edited now (and is counted), otherwise when."""
        with self._lock:
            now = self.clock.now()
            self._updates = self._updates or Bucket(rate=50 / 60, burst=10.0, tokens=10.0, filled=now)
            until = self._updates.wait(now, reserve=0.0 if urgent else 5.0)
            if until is None:
                self._updates.take()
            return until

    def paused(self, method: str) -> datetime | None:
        """Until when the method, or all of Slack, is left alone."""
        with self._lock:
            now = self.clock.now()
            ends = [end for name in (method, "") if (end := self._pauses.get(name)) is not None and end > now]
            return max(ends, default=None)

    def pause(self, method: str, seconds: float) -> datetime:
        """Slack asked for a rest from this method."""
        with self._lock:
            self._failures = 0
            until = self.clock.now() + timedelta(seconds=max(1.0, seconds))
            self._pauses[method] = until
            return until

    def failed(self) -> datetime:
        """Slack did not answer: leave all of it alone, for longer each time, up to half a minute."""
        with self._lock:
            self._failures += 1
            until = self.clock.now() + timedelta(seconds=min(30.0, 2.0 ** min(self._failures - 1, 10)))
            self._pauses[""] = until
            return until

    def answered(self) -> None:
        """Slack answers again."""
        with self._lock:
            self._failures = 0
            self._pauses.pop("", None)

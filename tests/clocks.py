"""A clock that tests set, so that none of them sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SetClock:
    """The port `Clock`; moves only when told."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def forward(self, **by: float) -> None:
        self._now += timedelta(**by)

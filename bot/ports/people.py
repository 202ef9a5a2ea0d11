"""The ports of the process itself: the time, the people, and what wakes what waits."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.person import Person


class Clock(Protocol):
    """The time; passed in, so that tests never sleep."""

    def now(self) -> datetime:
        """The present moment, timezone-aware, UTC."""
        ...


class People(Protocol):
    """Who somebody is in Slack, asked at the moment of use."""

    def find(self, user: str) -> Person:
        """The person as Slack knows them now. Raises `Unreachable` without an answer, `Unknown` for no such user."""
        ...


class Work(Protocol):
    """Wakes what waits; a lost wake-up costs seconds, since a sweep asks the journal as well."""

    def wake(self, record: str) -> None:
        """Walk this record soon."""
        ...

    def tell(self) -> None:
        """Show in Slack what changed, soon."""
        ...

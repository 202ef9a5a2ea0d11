"""What a store lends the accounts: statements in Postgres' spelling, which SQLite's side respells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

EPOCH = datetime.fromtimestamp(0, UTC)
MICROSECOND = timedelta(microseconds=1)

SHIFT = 28
"""A cell is one number, the account's place and the minute or hour: `place << SHIFT | number`; minutes fit it."""


class Transaction(Protocol):
    """A connection inside a transaction (or, for single reads, outside of one)."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; `%s` stands for a value, tables are named `stagedoor.x`."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        ...

    def keep_marks(self, marks: Sequence[int], bucket: int) -> set[int]:
        """Remember the marks; returns those that were not known."""
        ...


def micros(at: datetime) -> int:
    """A time as it is stored: whole microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def moment_of(stored: int) -> datetime:
    return EPOCH + timedelta(microseconds=stored)


def minute_of(at: datetime) -> int:
    return micros(at) // 60_000_000


def hour_of(at: datetime) -> int:
    return micros(at) // 3_600_000_000


def cell(place: int, number: int) -> int:
    return place << SHIFT | number


def number_in(stored: int) -> int:
    return stored & (1 << SHIFT) - 1

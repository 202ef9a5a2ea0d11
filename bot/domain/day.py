"""The report of a day: what happened in the 24 hours before a moment, over every kind of record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Item:
    """One record of the day: its state in words; `at` is its last change."""

    id: str
    project: str
    title: str
    state: str
    at: datetime
    needs: str = ""
    """What somebody still has to do about it."""


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """All records of one kind, the newest first."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Day:
    """All of it; `means` are the average spans of the incidents that were resolved in it."""

    since: datetime
    until: datetime
    chapters: tuple[Chapter, ...]
    means: tuple[tuple[str, timedelta, int], ...] = ()
    """Name, length, and of how many incidents."""
    overdue: tuple[Item, ...] = ()
    """Reports and measures that are overdue, from whichever day."""

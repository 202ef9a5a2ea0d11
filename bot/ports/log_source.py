"""The port of a project's logs, where they are asked for page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bot.domain.answers import Service
from bot.domain.sighting import Source

PAGE: Final = 1000
"""Rows of a page, at most."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row behind which to go on; `ms` since 1970."""

    ms: int
    id: str = ""

    def __str__(self) -> str:
        return f"{self.ms}:{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One event: its source as the platform names it, and its fields by their path (`parsed.error_severity`)."""

    id: str
    ms: int
    source: str
    message: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows, oldest first; `resume` is when to ask again, where the limit is nearly used up."""

    rows: Sequence[Row]
    resume: datetime | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of one minute (since 1970) that one log told of, whatever they were answered."""

    service: Service
    source: Source
    minute: int
    count: int


class PollTrouble(Exception):
    """A sentence. `again`: worth trying at once; `until`: not before."""

    def __init__(self, why: str, *, again: bool = False, until: datetime | None = None) -> None:
        super().__init__(why)
        self.again, self.until = again, until


class LogSource(Protocol):
    """Where one project's logs are asked for."""

    def page(self, after: Cursor, end: datetime) -> Page:
        """The rows that can count, behind `after` and up to `end`, at most `PAGE`. Raises `PollTrouble`."""
        ...

    def requests(self, begin: datetime, end: datetime) -> Sequence[Requests]:
        """How many requests there were from one full minute to just before another. Raises `PollTrouble`."""
        ...

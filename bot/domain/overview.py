"""What `/migrate status` shows: one line a migration, one column a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.drift import Drift, Stray


class Cell(StrEnum):
    """Whether a migration is in a place; the words that people read."""

    YES = "✓"
    NO = "\u2013"
    EDITED = "edited"
    UNKNOWN = "?"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One migration."""

    version: str
    name: str
    local: Cell
    staging: Cell
    production: Cell
    remark: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A project's migrations; `unread` says by place what could not be read and why, `diffs` are (file, difference)."""

    project: str
    lines: tuple[Line, ...]
    skipped: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    diffs: tuple[tuple[str, str], ...] = ()
    drift: Drift | None = None
    """How staging and production differ for no known reason; None where they could not be compared."""
    strays: tuple[Stray, ...] = ()
    """What of it no baseline accepted."""
    unwatched: tuple[str, ...] = ()
    """What of production nobody watches now, and why, as sentences."""

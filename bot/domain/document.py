"""The checklist of a promotion as a document: the runbook's lines, each with who or what ticked it and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Tick(StrEnum):
    """What is known of a line."""

    DONE = "done"
    OPEN = "open"
    LEFT_OUT = "not needed"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. `by` is a person's id, or what found it out by itself; `said` is the evidence in words."""

    title: str
    tick: Tick = Tick.OPEN
    by: str = ""
    at: datetime | None = None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A heading with its lines."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """The whole of it."""

    record: str
    name: str
    project: str
    created_by: str
    date: datetime
    purpose: str
    plan: str
    state: str
    chapters: tuple[Chapter, ...]

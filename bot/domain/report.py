"""The report of an incident: what it says, ready to be written in any form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.draft import Edition, Measure

LONG = 40
"""From so many lines on a timeline is told in short first."""


@dataclass(frozen=True, kw_only=True)
class Happened:
    """A line of the timeline. `source` is where it can be read (a link, or a record's id); `was` is earlier text."""

    at: datetime
    who: str
    what: str
    source: str = ""
    key: bool = False
    was: tuple[str, ...] = ()
    remark: str = ""
    images: tuple[str, ...] = ()
    """Pictures that came with it, by the SHA-256 under which they are kept."""
    main: bool = False
    """Whether it belongs to the story in short: somebody marked it, or it decided or changed something."""
    taken: bool = False
    """Whether it changed a system."""
    order: str = ""
    """What decides between two of the same moment; never the order in which they came."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What stands under a heading: filled by a person, put together from the journal, or missing."""

    key: str
    title: str
    text: str = ""
    by: str = ""
    at: datetime | None = None
    question: str = ""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision, with what it was weighed against."""

    at: datetime
    by: str
    choice: str
    options: tuple[str, ...]
    why: str
    evidence: tuple[str, ...]
    reversible_until: str


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """A moment that somebody or something explicitly named; None where nobody did."""

    name: str
    at: datetime | None
    said: str


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time between two milestones."""

    name: str
    length: timedelta
    between: str


@dataclass(frozen=True, kw_only=True)
class IncidentReport:
    """All of it. `missing` names what people have not filled; nothing stands in for that."""

    id: str
    title: str
    severity: str
    worst: str
    """The worst that its severity ever was."""
    status: str
    project: str
    private: bool
    opened_by: str
    opened_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    commander: str
    owner: str
    due: datetime | None
    people: int | None
    sections: tuple[Section, ...]
    missing: tuple[str, ...]
    timeline: tuple[Happened, ...]
    decisions: tuple[Decided, ...]
    taken: tuple[Happened, ...]
    """Switches, reverts and promotions: what was done to systems."""
    measures: tuple[Measure, ...]
    milestones: tuple[Milestone, ...]
    spans: tuple[Span, ...]
    changes: tuple[Happened, ...]
    """What had changed before it began."""
    through: int
    head: str
    """The last entry that it was made of, and its hash."""
    published: Edition | None = None

    @property
    def brief(self) -> tuple[Happened, ...]:
        """The timeline in short where it is long; nothing where all of it can be read at once."""
        short = tuple(each for each in self.timeline if each.main or each.key)
        return short if len(self.timeline) > LONG and short else ()

    def section(self, key: str) -> Section:
        return next(section for section in self.sections if section.key == key)


def as_json(report: IncidentReport) -> str:
    """The report as JSON with sorted keys: moments in ISO 8601, lengths in seconds."""
    return json.dumps(asdict(report), default=_plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no place in a report")

"""Deploy windows and freezes: spans of time, and what the entries of an announced one add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.entry import Entry, Json
from bot.domain.values import texts

REMINDERS: Mapping[str, timedelta] = {
    "24 h": timedelta(hours=24), "1 h": timedelta(hours=1), "10 min": timedelta(minutes=10),
}
"""How long before its opening a window is told of again, the longest first."""

LATE = timedelta(minutes=1)
"""From then on something that happens by the clock says by how much it is late."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time from `start` until just before `end`, both UTC."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def overlap(self, other: Span) -> Span | None:
        """The time that both have in common, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start=start, end=end) if start < end else None


@dataclass(frozen=True, kw_only=True)
class Closure:
    """A time in which nothing may start. `name` is a freeze's record, or a holiday; no `end` is until it is lifted."""

    name: str
    why: str
    start: datetime
    end: datetime | None = None
    lifts: bool = False
    """Whether a person can lift it; a holiday passes by itself."""

    def covers(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A window of its own, or one occurrence of the policy's (`recurring`), folded from its entries in order."""

    id: str
    by: str
    at: datetime
    span: Span
    reason: str = ""
    recurring: bool = False
    reminded: tuple[str, ...] = ()
    cancelled_by: str = ""
    ended: str = ""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Announced:
        """Raises ValueError when the entries do not begin with the announcement."""
        rest = iter(entries)
        first = next(rest, None)
        if first is None or first.kind != "window.announced":
            raise ValueError("a window that does not begin with its announcement")
        window = cls(
            id=first.about, by=first.actor, at=first.at,
            span=Span(start=moment(first.data["opens"]), end=moment(first.data["closes"])),
            reason=str(first.data.get("reason", "")), recurring=first.data.get("recurring") is True,
        )
        for entry in rest:
            match entry.kind:
                case "window.reminded":
                    window = replace(window, reminded=(*window.reminded, *texts(entry.data["which"])))
                case "window.cancelled":
                    window = replace(window, cancelled_by=window.cancelled_by or entry.actor)
                case "walk.ended":
                    window = replace(window, ended=str(entry.data["verdict"]))
        return window


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """A stop of promotions, of one project or of `everything`, folded from its entries in order."""

    id: str
    by: str
    at: datetime
    reason: str
    until: datetime | None = None
    everything: bool = False
    incident: str = ""
    """The incident that set it and will lift it."""
    echoes: str = ""
    """The freeze of everything that this record shows in one more channel; it holds nothing itself."""
    lifted: tuple[str, str] | None = None
    """Who lifted it, and why."""
    ended: str = ""

    @property
    def closure(self) -> Closure:
        return Closure(name=self.id, why=self.reason, start=self.at, end=self.until, lifts=True)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Freeze:
        """Raises ValueError when the entries do not begin with the freeze."""
        rest = iter(entries)
        first = next(rest, None)
        if first is None or first.kind != "freeze.set":
            raise ValueError("a freeze that does not begin with its reason")
        until = first.data.get("until")
        freeze = cls(
            id=first.about, by=first.actor, at=first.at, reason=str(first.data["reason"]),
            until=moment(until) if until else None, everything=first.data.get("everything") is True,
            incident=str(first.data.get("incident", "")), echoes=str(first.data.get("echoes", "")),
        )
        for entry in rest:
            match entry.kind:
                case "freeze.lifted":
                    freeze = replace(freeze, lifted=freeze.lifted or (entry.actor, str(entry.data["reason"])))
                case "walk.ended":
                    freeze = replace(freeze, ended=str(entry.data["verdict"]))
        return freeze


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A promotion that waits for its time, as a window's card and the calendar show it.

    `likely` is how long it took on staging; None where nobody measured that.
    """

    id: str
    project: str
    by: str
    files: tuple[str, ...]
    place: str
    opens: datetime | None = None
    likely: timedelta | None = None
    risks: tuple[str, ...] = ()
    running: bool = False


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Two weeks of one project: what is open, what is closed, what waits, and which hour is the quietest."""

    project: str
    since: datetime
    until: datetime
    openings: tuple[Span, ...]
    always_open: bool = False
    announced: tuple[Announced, ...] = ()
    closures: tuple[Closure, ...] = ()
    queue: tuple[Queued, ...] = ()
    quietest: datetime | None = None
    names: Mapping[datetime, str] = field(default_factory=dict)


def moment(value: Json) -> datetime:
    """A moment as it was journalled."""
    return datetime.fromisoformat(str(value))

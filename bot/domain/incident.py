"""An incident: everything its entries add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain import command, switches
from bot.domain.command import Command
from bot.domain.draft import DRAFTED, Draft
from bot.domain.entry import Entry, Json
from bot.domain.notes import WRITTEN, Note, Notes
from bot.domain.switches import Switches
from bot.domain.values import maps, moment

INVESTIGATING, MITIGATING, WATCHING, RESOLVED, CLOSED = (
    "investigating", "mitigating", "watching", "resolved", "closed",
)
MILESTONES = ("detected", "acknowledged", "mitigated", "resolved")


@dataclass(frozen=True, kw_only=True)
class Freezing:
    """A freeze that this incident set, and whether it took it away again."""

    record: str
    lifted: bool = False


@dataclass(frozen=True, kw_only=True)
class Incident(Command, Switches):
    """One incident, folded from its entries in order. Times are UTC."""

    id: str
    title: str
    project: str
    by: str
    at: datetime
    seq: int
    broken: str = ""
    impact: str = ""
    actions: str = ""
    private: bool = False
    channel: str = ""
    """The private channel that a private incident stays in."""
    alert: str = ""
    promotion: str = ""
    ends_it: bool = False
    """Whether that promotion is the emergency that is to end it, not its likely cause."""
    message: str = ""
    status: str = INVESTIGATING
    told: datetime | None = None
    changes: tuple[Mapping[str, Json], ...] = ()
    """What changed before it, as its thread opened with it: at, record, what, by."""
    similar: tuple[Mapping[str, Json], ...] = ()
    notes: Notes = field(default_factory=Notes)
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    fixed_by: str = ""
    resolved_by: str = ""
    resolved_at: datetime | None = None
    watch_until: datetime | None = None
    watched: tuple[str, ...] = ()
    """What the watch saw: trouble, one sentence each."""
    reopened: int = 0
    freezes: tuple[Freezing, ...] = ()
    closed_at: datetime | None = None
    same_as: str = ""
    """The incident that it turned out to be; it ended there and then."""
    took_in: tuple[str, ...] = ()
    """Incidents that turned out to be this one."""
    draft: Draft = field(default_factory=Draft)
    """Its report, while it is written and after it was published."""

    @property
    def open(self) -> bool:
        """Whether it still goes on: nobody resolved it, or it was reopened."""
        return self.status not in (RESOLVED, CLOSED)

    @property
    def next_update(self) -> datetime | None:
        return self.updates[-1].next_at if self.updates and self.open else None

    @property
    def frozen_by(self) -> str:
        """The freeze of this incident that it has not lifted, if any."""
        return next((each.record for each in reversed(self.freezes) if not each.lifted), "")

    def lets_pass(self, promotion: str) -> bool:
        """Whether its freeze holds no promotion of that id: it is what the incident was decided to be ended by."""
        decided = any(decision.promotion == promotion for decision in self.decisions if decision.promotion)
        return decided or (self.ends_it and self.promotion == promotion)

    def timeline(self) -> tuple[Note, ...]:
        """What people wrote, in the order in which it happened, whatever the order in which it came."""
        return self.notes.in_order()

    def span(self, since: str, until: str) -> timedelta | None:
        """The time between two milestones; None where one of them is not known."""
        start, end = self.milestones.get(since), self.milestones.get(until)
        return end - start if start and end else None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Incident:
        """Fold entries, oldest first; kinds that this release does not know are passed over.

        Raises ValueError when the entries do not begin with the opening.
        """
        rest = iter(entries)
        first = next(rest, None)
        if first is None or first.kind != "incident.opened":
            raise ValueError("an incident that does not begin with its opening")
        return _opened(first).after(rest)

    def after(self, entries: Iterable[Entry]) -> Incident:
        """The incident as these further entries leave it."""
        incident, written = self, list[Entry]()
        for entry in entries:
            if fold := _FOLDS.get(entry.kind):
                incident = fold(incident, entry)
            elif entry.kind in WRITTEN:
                written.append(entry)   # together, since there may be thousands
        return replace(incident, notes=incident.notes.after(written)) if written else incident


def _opened(e: Entry) -> Incident:
    data = e.data
    people = data.get("people")
    return Incident(
        id=e.about, title=str(data.get("title", "")), severity=command.severity(data.get("severity")),
        project=str(data.get("project", "")), by=e.actor, at=e.at, seq=e.seq, broken=str(data.get("broken", "")),
        impact=str(data.get("impact", "")), people=people if isinstance(people, int) else None,
        actions=str(data.get("actions", "")), private=data.get("private") is True,
        channel=str(data.get("channel", "")), alert=str(data.get("alert", "")),
        promotion=str(data.get("promotion", "")), ends_it=data.get("ends_it") is True,
        message=str(data.get("message", "")),
    )


def _told(i: Incident, e: Entry) -> Incident:
    return replace(i, told=e.at, changes=maps(e.data.get("changes")), similar=maps(e.data.get("similar")))


def _moved(i: Incident, e: Entry) -> Incident:
    """Only resolving resolves and only reopening reopens; an update says where one stands in between."""
    to = str(e.data["to"])
    return replace(i, status=to) if i.open and to in (INVESTIGATING, MITIGATING, WATCHING) else i


def _milestone(i: Incident, e: Entry) -> Incident:
    name, at = str(e.data["name"]), moment(e.data["at"])
    return replace(i, milestones={**i.milestones, name: at}) if at and name in MILESTONES else i


def _resolved(i: Incident, e: Entry) -> Incident:
    if not i.open:
        return i
    return replace(
        i, status=RESOLVED, fixed_by=str(e.data.get("fixed_by", "")), resolved_by=e.actor, resolved_at=e.at,
        watch_until=None, closed_at=None,
    )


def _watching(i: Incident, e: Entry) -> Incident:
    return replace(i, watch_until=moment(e.data["until"]))


def _saw(i: Incident, e: Entry) -> Incident:
    return replace(i, watched=(*i.watched, str(e.data["what"])))


def _reopened(i: Incident, e: Entry) -> Incident:
    if i.open:
        return i
    return replace(
        i, status=INVESTIGATING, reopened=i.reopened + 1, resolved_at=None, watch_until=None, closed_at=None,
        milestones={name: at for name, at in i.milestones.items() if name != "resolved"},
    )


def _closed(i: Incident, e: Entry) -> Incident:
    return replace(i, status=CLOSED, closed_at=e.at) if i.status == RESOLVED else i


def _joined(i: Incident, e: Entry) -> Incident:
    """It is over, and owes no report of its own."""
    if i.same_as:
        return i
    into = str(e.data["into"])
    fixed = i.fixed_by or f"the same as {into}"
    return replace(
        i, status=CLOSED, same_as=into, fixed_by=fixed, resolved_by=i.resolved_by or e.actor,
        resolved_at=i.resolved_at or e.at, closed_at=e.at, draft=replace(i.draft, begun=None, due=None),
    )


def _took_in(i: Incident, e: Entry) -> Incident:
    return replace(i, took_in=tuple(dict.fromkeys((*i.took_in, str(e.data["from"])))))


def _froze(i: Incident, e: Entry) -> Incident:
    return replace(i, freezes=(*i.freezes, Freezing(record=str(e.data["freeze"]))))


def _thawed(i: Incident, e: Entry) -> Incident:
    gone = str(e.data["freeze"])
    return replace(i, freezes=tuple(replace(f, lifted=True) if f.record == gone else f for f in i.freezes))


def _drafted(i: Incident, e: Entry) -> Incident:
    return replace(i, draft=i.draft.after([e]))


_FOLDS: Mapping[str, Callable[[Incident, Entry], Incident]] = {
    **command.FOLDS, **switches.FOLDS, **dict.fromkeys(DRAFTED, _drafted),
    "incident.told": _told,
    "incident.status": _moved,
    "incident.milestone": _milestone,
    "incident.resolved": _resolved,
    "incident.watching": _watching,
    "incident.watch_saw": _saw,
    "incident.reopened": _reopened,
    "incident.closed": _closed,
    "incident.joined": _joined,
    "incident.took_in": _took_in,
    "incident.froze": _froze,
    "incident.thawed": _thawed,
}

"""An incident: everything its entries add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.draft import DRAFTED, Draft
from bot.domain.entry import Entry, Json
from bot.domain.notes import WRITTEN, Note, Notes
from bot.domain.values import texts


class Severity(StrEnum):
    """How bad it is; the first two freeze promotions of the project."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"

    @property
    def freezes(self) -> bool:
        return self in (Severity.SEV1, Severity.SEV2)


GUIDES: Mapping[Severity, str] = {
    Severity.SEV1: "The app is down, or data is being lost or exposed",
    Severity.SEV2: "An important part fails for many people",
    Severity.SEV3: "A part fails for some, and there is a way around it",
    Severity.SEV4: "Hardly anybody notices; it can wait for working hours",
}
"""One line each, for whoever has to choose in a hurry."""

COMMANDER = "commander"
ROLES: Mapping[str, str] = {
    COMMANDER: "decides, and keeps everybody informed",
    "operations": "changes systems, and says so first",
    "communications": "speaks to users and to the rest of the company",
    "scribe": "sees to it that the timeline is complete",
}

INVESTIGATING, MITIGATING, WATCHING, RESOLVED, CLOSED = (
    "investigating", "mitigating", "watching", "resolved", "closed",
)
MILESTONES = ("detected", "acknowledged", "mitigated", "resolved")


@dataclass(frozen=True, kw_only=True)
class Update:
    """What the commander told everybody, and when the next word was promised."""

    at: datetime
    by: str
    text: str
    next_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided: out of which options, why, on what evidence, and until when it can be taken back."""

    at: datetime
    by: str
    options: tuple[str, ...]
    choice: str
    why: str
    evidence: tuple[str, ...] = ()
    reversible_until: str = ""
    promotion: str = ""
    """The promotion that carries it out, and that the incident's freeze lets pass."""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A flag that was turned, or (`flag` is empty) a code deployment that was taken back.

    `state` is asked, acting, following (the other side works on it), in_force, manual (a person has to do it)
    or failed. `answer` is what the other side said, `way_back` how it is undone.
    """

    id: str
    flag: str
    to: str
    kind: str
    by: str
    at: datetime
    state: str = "asked"
    answer: str = ""
    before: str = ""
    follows: Mapping[str, Json] = field(default_factory=dict)
    in_force_at: datetime | None = None
    way_back: str = ""
    steps: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        return self.state in ("asked", "acting", "following")


@dataclass(frozen=True, kw_only=True)
class Freezing:
    """A freeze that this incident set, and whether it took it away again."""

    record: str
    lifted: bool = False


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One incident, folded from its entries in order. Times are UTC; `people` is None where nobody knows a number."""

    id: str
    title: str
    severity: Severity
    project: str
    by: str
    at: datetime
    seq: int
    broken: str = ""
    impact: str = ""
    people: int | None = None
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
    roles: Mapping[str, str] = field(default_factory=dict)
    updates: tuple[Update, ...] = ()
    overdue_told: datetime | None = None
    """The promised moment of the update that its commander was last reminded of."""
    decisions: tuple[Decision, ...] = ()
    switches: tuple[Switch, ...] = ()
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
    def commander(self) -> str:
        return self.roles.get(COMMANDER, "")

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

    @property
    def decision(self) -> Decision | None:
        return self.decisions[-1] if self.decisions else None

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
        id=e.about, title=str(data.get("title", "")), severity=_severity(data.get("severity")),
        project=str(data.get("project", "")), by=e.actor, at=e.at, seq=e.seq, broken=str(data.get("broken", "")),
        impact=str(data.get("impact", "")), people=people if isinstance(people, int) else None,
        actions=str(data.get("actions", "")), private=data.get("private") is True,
        channel=str(data.get("channel", "")), alert=str(data.get("alert", "")),
        promotion=str(data.get("promotion", "")), ends_it=data.get("ends_it") is True,
        message=str(data.get("message", "")),
    )


def _severity(value: Json) -> Severity:
    try:
        return Severity(str(value))
    except ValueError:
        return Severity.SEV2


def _told(i: Incident, e: Entry) -> Incident:
    return replace(i, told=e.at, changes=_maps(e.data.get("changes")), similar=_maps(e.data.get("similar")))


def _role(i: Incident, e: Entry) -> Incident:
    role = str(e.data["role"])
    if str(e.data.get("from", i.roles.get(role, ""))) != i.roles.get(role, ""):
        return i    # somebody else was a moment earlier
    roles = {**i.roles, role: str(e.data.get("person") or "")}
    return replace(i, roles={role: person for role, person in roles.items() if person})


def _rated(i: Incident, e: Entry) -> Incident:
    return replace(i, severity=_severity(e.data["to"]))


def _moved(i: Incident, e: Entry) -> Incident:
    """Only resolving resolves and only reopening reopens; an update says where one stands in between."""
    to = str(e.data["to"])
    return replace(i, status=to) if i.open and to in (INVESTIGATING, MITIGATING, WATCHING) else i


def _updated(i: Incident, e: Entry) -> Incident:
    update = Update(at=e.at, by=e.actor, text=str(e.data["text"]), next_at=_moment(e.data.get("next_at")))
    people = e.data.get("people")
    return replace(i, updates=(*i.updates, update), people=people if isinstance(people, int) else i.people)


def _overdue(i: Incident, e: Entry) -> Incident:
    return replace(i, overdue_told=_moment(e.data["due"]))


def _decided(i: Incident, e: Entry) -> Incident:
    decision = Decision(
        at=e.at, by=e.actor, options=texts(e.data.get("options")), choice=str(e.data["choice"]),
        why=str(e.data.get("why", "")), evidence=texts(e.data.get("evidence")),
        reversible_until=str(e.data.get("reversible_until") or ""), promotion=str(e.data.get("promotion") or ""),
    )
    return replace(i, decisions=(*i.decisions, decision))


def _asked(i: Incident, e: Entry) -> Incident:
    """A second wish for what a flag is, or is being, turned to is the same; what failed may be tried again."""
    flag, to = str(e.data.get("flag", "")), str(e.data.get("to", ""))
    last = next((each for each in reversed(i.switches) if each.flag == flag), None)
    if last and last.to == to and last.state not in ("failed", "unknown"):
        return i
    switch = Switch(id=e.id, flag=flag, to=to, kind=str(e.data.get("kind", "manual")), by=e.actor, at=e.at)
    return replace(i, switches=(*i.switches, switch))


def _acting(i: Incident, e: Entry) -> Incident:
    return _switch(i, e, state="acting")


def _following(i: Incident, e: Entry) -> Incident:
    follows = e.data.get("follows")
    return _switch(
        i, e, state="following", answer=str(e.data.get("answer", "")), before=str(e.data.get("before", "")),
        way_back=str(e.data.get("way_back", "")), follows=follows if isinstance(follows, dict) else {},
    )


def _switched(i: Incident, e: Entry) -> Incident:
    if any(each.id == e.data.get("switch") and each.state == "in_force" for each in i.switches):
        return i    # two people did it by hand at once
    in_force = _moment(e.data.get("in_force_at"))
    steps = texts(e.data.get("steps"))
    state = str(e.data.get("state") or ("in_force" if in_force else "manual" if steps else "failed"))
    return _switch(
        i, e, state=state, answer=str(e.data.get("answer", "")), in_force_at=in_force, steps=steps,
        way_back=str(e.data.get("way_back", "")), before=str(e.data.get("before", "")),
    )


def _switch(i: Incident, e: Entry, **changes: object) -> Incident:
    named = str(e.data.get("switch", ""))
    changed = {name: value for name, value in changes.items() if value not in ("", ())}
    return replace(i, switches=tuple(
        replace(each, **changed) if each.id == named else each for each in i.switches    # type: ignore[arg-type]
    ))


def _milestone(i: Incident, e: Entry) -> Incident:
    name, at = str(e.data["name"]), _moment(e.data["at"])
    return replace(i, milestones={**i.milestones, name: at}) if at and name in MILESTONES else i


def _resolved(i: Incident, e: Entry) -> Incident:
    if not i.open:
        return i
    return replace(
        i, status=RESOLVED, fixed_by=str(e.data.get("fixed_by", "")), resolved_by=e.actor, resolved_at=e.at,
        watch_until=None, closed_at=None,
    )


def _watching(i: Incident, e: Entry) -> Incident:
    return replace(i, watch_until=_moment(e.data["until"]))


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


def _moment(value: Json) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def _maps(value: Json) -> tuple[Mapping[str, Json], ...]:
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _drafted(i: Incident, e: Entry) -> Incident:
    return replace(i, draft=i.draft.after([e]))


_FOLDS: Mapping[str, Callable[[Incident, Entry], Incident]] = {
    **dict.fromkeys(DRAFTED, _drafted),
    "incident.told": _told,
    "incident.role": _role,
    "incident.severity": _rated,
    "incident.status": _moved,
    "incident.update": _updated,
    "incident.overdue": _overdue,
    "incident.decided": _decided,
    "incident.switch_asked": _asked,
    "incident.switching": _acting,
    "incident.following": _following,
    "incident.switched": _switched,
    "incident.reverted": _switched,
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

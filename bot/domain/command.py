"""Who leads an incident and what they say of it: severity, roles, updates, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from bot.domain.entry import Entry, Json
from bot.domain.values import moment, texts


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
class Command:
    """Part of an incident: how it is led. `people` is how many are affected, None where nobody knows a number."""

    severity: Severity
    people: int | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    updates: tuple[Update, ...] = ()
    overdue_told: datetime | None = None
    """The promised moment of the update that its commander was last reminded of."""
    decisions: tuple[Decision, ...] = ()

    @property
    def commander(self) -> str:
        return self.roles.get(COMMANDER, "")

    @property
    def decision(self) -> Decision | None:
        return self.decisions[-1] if self.decisions else None


C = TypeVar("C", bound=Command)


def severity(value: Json) -> Severity:
    """As it was journalled; what this release does not know counts as SEV2."""
    try:
        return Severity(str(value))
    except ValueError:
        return Severity.SEV2


def _role(i: C, e: Entry) -> C:
    role = str(e.data["role"])
    if str(e.data.get("from", i.roles.get(role, ""))) != i.roles.get(role, ""):
        return i    # somebody else was a moment earlier
    roles = {**i.roles, role: str(e.data.get("person") or "")}
    return replace(i, roles={role: person for role, person in roles.items() if person})


def _rated(i: C, e: Entry) -> C:
    return replace(i, severity=severity(e.data["to"]))


def _updated(i: C, e: Entry) -> C:
    update = Update(at=e.at, by=e.actor, text=str(e.data["text"]), next_at=moment(e.data.get("next_at")))
    people = e.data.get("people")
    return replace(i, updates=(*i.updates, update), people=people if isinstance(people, int) else i.people)


def _overdue(i: C, e: Entry) -> C:
    return replace(i, overdue_told=moment(e.data["due"]))


def _decided(i: C, e: Entry) -> C:
    decision = Decision(
        at=e.at, by=e.actor, options=texts(e.data.get("options")), choice=str(e.data["choice"]),
        why=str(e.data.get("why", "")), evidence=texts(e.data.get("evidence")),
        reversible_until=str(e.data.get("reversible_until") or ""), promotion=str(e.data.get("promotion") or ""),
    )
    return replace(i, decisions=(*i.decisions, decision))


class Fold(Protocol):
    """What one kind of entry makes of an incident."""

    def __call__(self, i: C, e: Entry, /) -> C: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "incident.role": _role,
    "incident.severity": _rated,
    "incident.update": _updated,
    "incident.overdue": _overdue,
    "incident.decided": _decided,
}

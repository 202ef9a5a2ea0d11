"""What people said of a promotion: ticks, waivers, approvals; and what the gates said before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from bot.domain.applying import Applying
from bot.domain.checklist import Check, State
from bot.domain.entry import Entry
from bot.domain.evidence import Tick, Waiver
from bot.domain.values import texts


@dataclass(frozen=True, kw_only=True)
class Voting(Applying):
    """Part of a promotion: who said what. Once an apply began, nobody can reject or cancel any more."""

    checklist: tuple[Check, ...] = ()
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    authors: tuple[str, ...] = ()
    """Who wrote or pushed the files, by their logins at the code host."""
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    approvals: Mapping[str, datetime] = field(default_factory=dict)
    asked_at: datetime | None = None
    rejected: tuple[str, str] | None = None
    cancelled_by: str = ""


V = TypeVar("V", bound=Voting)


def _judged(p: V, e: Entry) -> V:
    checks = e.data["checklist"]
    assert isinstance(checks, list)
    return replace(p, checklist=tuple(Check.from_json(check) for check in checks if isinstance(check, dict)))


def _ticked(p: V, e: Entry) -> V:
    label = str(e.data["label"])
    return p if label in p.ticks else replace(p, ticks={**p.ticks, label: Tick(by=e.actor, at=e.at)})


def _authors(p: V, e: Entry) -> V:
    return replace(p, authors=texts(e.data["authors"]))


def _waived(p: V, e: Entry) -> V:
    waiver = Waiver(
        by=e.actor, at=e.at, reason=str(e.data["reason"]), state=State(str(e.data["state"])),
        said=str(e.data.get("said", "")),
    )
    return replace(p, waivers={**p.waivers, str(e.data["gate"]): waiver})


def _waiver_void(p: V, e: Entry) -> V:
    return replace(p, waivers={gate: waiver for gate, waiver in p.waivers.items() if gate != e.data["gate"]})


def _asked(p: V, e: Entry) -> V:
    return replace(p, asked_at=p.asked_at or e.at)


def _approved(p: V, e: Entry) -> V:
    return p if e.actor in p.approvals else replace(p, approvals={**p.approvals, e.actor: e.at})


def _void(p: V, e: Entry) -> V:
    gone = str(e.data["voter"])
    return replace(p, approvals={voter: at for voter, at in p.approvals.items() if voter != gone})


def _rejected(p: V, e: Entry) -> V:
    return p if p.began else replace(p, rejected=p.rejected or (e.actor, str(e.data.get("reason", ""))))


def _cancelled(p: V, e: Entry) -> V:
    return p if p.began else replace(p, cancelled_by=p.cancelled_by or e.actor)


class Fold(Protocol):
    """What one kind of entry makes of a promotion."""

    def __call__(self, p: V, e: Entry, /) -> V: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "gates.judged": _judged,
    "promotion.ticked": _ticked,
    "reviews.seen": _authors,
    "gate.waived": _waived,
    "gate.waiver_void": _waiver_void,
    "approval.asked": _asked,
    "promotion.approved": _approved,
    "approval.void": _void,
    "promotion.rejected": _rejected,
    "promotion.cancelled": _cancelled,
}

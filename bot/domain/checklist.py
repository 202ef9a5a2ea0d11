"""The checklist: what each gate says of a promotion, with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.entry import Json


class State(StrEnum):
    """What a gate found. Only PASSED lets a promotion on; UNKNOWN means it could not be checked, not a pass."""

    PASSED = "passed"
    WAITING = "waiting"
    REFUSED = "refused"
    UNKNOWN = "could not check"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the checklist. A manual one is ticked by a person with `Confirm`, under its `label`.

    `by` and `at` say whose word or which run a pass rests on, and since when. `as_of` is set where it rests on
    what was read before the source fell silent, `until` where it counts no longer than that. A `waivable` line can be
    waived by an approver, with a reason.
    """

    gate: str
    title: str
    state: State
    said: str
    label: str = ""
    by: str = ""
    at: datetime | None = None
    as_of: datetime | None = None
    until: datetime | None = None
    waivable: bool = False
    may_follow: bool = False
    """Whether an emergency may pass it: its evidence is asked for afterwards."""

    @property
    def manual(self) -> bool:
        return bool(self.label)

    def to_json(self) -> dict[str, Json]:
        return {
            "gate": self.gate,
            "title": self.title,
            "state": str(self.state),
            "said": self.said,
            "label": self.label,
            "by": self.by,
            "at": self.at.isoformat() if self.at else None,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            **({"until": self.until.isoformat()} if self.until else {}),
            "waivable": self.waivable,
            **({"may_follow": True} if self.may_follow else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Check:
        return cls(
            gate=str(data["gate"]),
            title=str(data["title"]),
            state=State(str(data["state"])),
            said=str(data["said"]),
            label=str(data.get("label", "")),
            by=str(data.get("by", "")),
            at=datetime.fromisoformat(str(data["at"])) if data.get("at") else None,
            as_of=datetime.fromisoformat(str(data["as_of"])) if data.get("as_of") else None,
            until=datetime.fromisoformat(str(data["until"])) if data.get("until") else None,
            waivable=bool(data.get("waivable")),
            may_follow=bool(data.get("may_follow")),
        )


def passed(checks: Iterable[Check]) -> bool:
    """True when every line of the checklist passed."""
    return all(check.state is State.PASSED for check in checks)


def automatic_passed(checks: Iterable[Check]) -> bool:
    """True when all that needs no person passed: the moment from which an approval makes sense."""
    return all(check.state is State.PASSED for check in checks if not check.manual)

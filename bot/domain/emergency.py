"""An emergency promotion: what it may pass, which evidence is owed for it, and what was given since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.checklist import Check, State
from bot.domain.entry import Entry, Json


@dataclass(frozen=True, kw_only=True)
class Emergency:
    """Who asked for it, why, and what of the skipped evidence is still owed, as last seen (None: not asked yet)."""

    by: str
    reason: str
    at: datetime
    owed: tuple[str, ...] | None = None
    asked_at: datetime | None = None
    """When people were last asked for it."""

    @classmethod
    def of(cls, entry: Entry) -> Emergency | None:
        """What a request says of it; None for an ordinary one."""
        reason = str(entry.data.get("emergency") or "")
        return cls(by=entry.actor, reason=reason, at=entry.at) if reason else None


PROOF = "backup_proof"
"""Under what the waiver of the backup's proof is known."""


def proof_line(emergency: Emergency | None) -> Check | None:
    """What a second approver may waive of an emergency's backup: not the dump, only the wait for its proof."""
    if emergency is None:
        return None
    return Check(
        gate=PROOF, title="The backup is proven first", state=State.WAITING, waivable=True,
        said="its dump is read or restored before anything goes in. Waived, the dump is taken and not proven.",
    )


def passable(check: Check) -> bool:
    """What an emergency passes: ticks of people and the pull request's review. Never staging, never a block."""
    return check.manual or check.may_follow


def excused(checks: Sequence[Check], emergency: Emergency | None) -> tuple[Check, ...]:
    """The checklist as an emergency has it: what it passes says so, by whom and why."""
    return tuple(_excused(check, emergency) if emergency else check for check in checks)


def _excused(check: Check, emergency: Emergency) -> Check:
    if not passable(check) or check.state in (State.PASSED, State.REFUSED):
        return check
    said = f"passed by emergency: {emergency.reason} Without that: {check.said}"
    return replace(check, state=State.PASSED, said=said, by=emergency.by, at=emergency.at, waivable=False)


def _asked(e: Emergency, entry: Entry) -> Emergency:
    owed: Json = entry.data["owed"]
    assert isinstance(owed, list)
    return replace(e, owed=tuple(map(str, owed)), asked_at=entry.at)


EMERGENCY: Mapping[str, Callable[[Emergency, Entry], Emergency]] = {"emergency.owed": _asked}
"""What each entry makes of it."""

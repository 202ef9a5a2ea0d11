"""Notices: what the team is told once, without anybody having asked; a changed policy for now."""

from __future__ import annotations

from bot.domain.entry import SYSTEM, Fact, Opening
from bot.policy import Policy
from bot.policy.changes import changes
from bot.ports import Journal, Put, Shelves
from bot.world import Project

SHELF, KEY = "policy", "now"


def tell_policy_changes(journal: Journal, shelves: Shelves, policy: Policy, where: Project) -> str:
    """Journal how the policy differs from that of the last start; returns the notice's record, if there is one."""
    now = policy.canonical()
    before = shelves.get(SHELF, KEY)
    keep = Put(shelf=SHELF, key=KEY, doc=now)
    differences = changes(before, now) if before is not None else []
    if not differences:
        shelves.put([keep])
        return ""
    record = f"N-{journal.number('N')}"
    fact = Fact(
        about=record, kind="policy.changed", actor=SYSTEM, data={"changes": list(differences)},
        opens=Opening(kind="notice", project=where.name, stage="told"),
    )
    # Both in one transaction: a start that dies here tells it at the next one, and only once.
    journal.append([fact], puts=[keep])
    return record

"""Notices: what the team is told once without having asked: a changed policy, unknown names, logs nobody saw, a closed
channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.entry import SYSTEM, Fact, Json, Opening
from bot.domain.record import Record
from bot.domain.sighting import Gap
from bot.policy import Policy
from bot.policy.changes import changes
from bot.ports import Journal, Put, Shelves
from bot.world import Project

NOTICE = "notice"
SHELF, KEY, UNKNOWN = "policy", "now", "unknown"
CLOSED = "closed channels"
AGAIN = timedelta(days=1)
"""How often it is said of one channel that Slack takes nothing for it."""


def tell_policy_changes(journal: Journal, shelves: Shelves, policy: Policy, where: Project) -> str:
    """Journal how the policy differs from that of the last start; returns the notice's record, if there is one."""
    now = policy.canonical()
    before = shelves.get(SHELF, KEY)
    keep = Put(shelf=SHELF, key=KEY, doc=now)
    differences = changes(before, now) if before is not None else []
    if not differences:
        shelves.put([keep])
        return ""
    # Both in one transaction: a start that dies here tells it at the next one, and only once.
    return _open(journal, where.name, "policy.changed", {"changes": list(differences)}, keep)


def tell_unknown_names(journal: Journal, shelves: Shelves, unknown: Sequence[str], where: Project) -> str:
    """Journal what the policy names and Slack does not know, when that differs from the last start."""
    before = shelves.get(SHELF, UNKNOWN)
    if list(unknown) == (before["names"] if before else []):
        return ""
    keep = Put(shelf=SHELF, key=UNKNOWN, doc={"names": list(unknown)})
    if not unknown:
        shelves.put([keep])
        return ""
    return _open(journal, where.name, "policy.unknown", {"names": list(unknown)}, keep)


def tell_gap(journal: Journal, gap: Gap, keep: Put) -> str:
    """Journal that a span of a project's logs was never seen; `keep` notes that it was told."""
    data: dict[str, Json] = {
        "environment": str(gap.environment), "begin": gap.begin.isoformat(), "end": gap.end.isoformat(), "why": gap.why,
    }
    return _open(journal, gap.project, "logs.gap", data, keep)


def tell_closed_channel(
    journal: Journal, shelves: Shelves, record: Record, channel: str, error: str, now: datetime,
) -> str:
    """Journal that Slack takes nothing for a channel, by its name; told in another one, once a day at most."""
    before = shelves.get(CLOSED, channel)
    if record.kind == NOTICE or (before and now - datetime.fromisoformat(str(before["at"])) < AGAIN):
        return ""
    keep = Put(shelf=CLOSED, key=channel, doc={"at": now.isoformat()})
    data: dict[str, Json] = {"channel": channel, "error": error, "record": record.id}
    return _open(journal, record.project, "channel.closed", data, keep)


def _open(journal: Journal, project: str, kind: str, data: Mapping[str, Json], keep: Put) -> str:
    opening = Opening(kind=NOTICE, project=project, stage="told")
    opened = journal.open(lambda take: (
        [Fact(about=take("N"), kind=kind, actor=SYSTEM, data=data, opens=opening)], [keep],
    ))
    return opened[0].about if opened else ""

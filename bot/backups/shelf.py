"""The backups of a project as the journal has them, and which of them retention takes next."""

from __future__ import annotations

from bot.domain.backup import KIND, Backup
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.domain.retention import doomed
from bot.ports import Journal
from bot.world import Ports


def every(journal: Journal, project: str) -> tuple[Backup, ...]:
    """All backups of a project, oldest first."""
    records = journal.find(kind=KIND, project=project, limit=100_000)
    return tuple(Backup.of(journal.entries(about=record.id)) for record in records)


def last_good(journal: Journal, project: str) -> Backup | None:
    """The newest backup that counts; None before the first one."""
    records = journal.find(kind=KIND, project=project, limit=100_000)
    for record in reversed(records):
        backup = Backup.of(journal.entries(about=record.id))
        if backup.good:
            return backup
    return None


def going(ports: Ports, project: str, backups: tuple[Backup, ...]) -> tuple[Backup, ...]:
    """What retention takes away once the next backup is there."""
    policy = ports.projects[project].policy.backups
    needed = {one.id for one in backups if one.promotion and one.good and still_needs(ports.journal, one.promotion)}
    return doomed(backups, daily=policy.daily, weekly=policy.weekly, monthly=policy.monthly, needed=needed)


def still_needs(journal: Journal, promotion: str) -> bool:
    """Whether a promotion is live, was undone, or ended otherwise than well after it had begun."""
    record = journal.load(promotion)
    if record is None or record.status is Status.LIVE:
        return record is not None
    p = Promotion.of(journal.entries(about=promotion))
    unwell = p.ending is None or p.ending.verdict != "done"
    return p.taken_back is not None or ((p.changed_something or p.may_have_changed) and unwell)

"""Which backups are kept: the newest of each of so many days, weeks and months; never the last good one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from bot.domain.backup import Backup


def kept(backups: Iterable[Backup], *, daily: int, weekly: int, monthly: int, needed: Collection[str]) -> set[str]:
    """The ids of the good backups that stay, of one project. `needed` are those that a promotion still refers to."""
    newest_first = sorted((one for one in backups if one.good), key=_age, reverse=True)
    stay = {one.id for one in newest_first[:1]} | {one.id for one in newest_first if one.id in needed}
    for count, bucket in ((daily, "%Y-%m-%d"), (weekly, "%G-%V"), (monthly, "%Y-%m")):
        seen: set[str] = set()
        for one in newest_first:
            named = one.asked_at.strftime(bucket)
            if named not in seen and len(seen) < count:
                seen.add(named)
                stay.add(one.id)
    return stay


def doomed(backups: Iterable[Backup], *, daily: int, weekly: int, monthly: int,
           needed: Collection[str]) -> tuple[Backup, ...]:
    """The good backups that go, oldest first."""
    every = sorted((one for one in backups if one.good), key=_age)
    stay = kept(every, daily=daily, weekly=weekly, monthly=monthly, needed=needed)
    return tuple(one for one in every if one.id not in stay)


def _age(one: Backup) -> tuple[datetime, int, str]:
    return one.asked_at, len(one.id), one.id

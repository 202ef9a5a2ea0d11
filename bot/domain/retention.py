"""Which backups are kept: the newest of each of so many days, weeks and months; never the last good one.

Whole proven dumps are counted by themselves. What holds less, some tables alone or a dump that nobody proved, takes
none of their places.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from bot.domain.backup import WAIVED, Backup


def kept(backups: Iterable[Backup], *, daily: int, weekly: int, monthly: int, needed: Collection[str]) -> set[str]:
    """The ids of the good backups that stay, of one project. `needed` are those that a promotion still refers to."""
    newest_first = sorted((one for one in backups if one.good), key=_age, reverse=True)
    stay = {one.id for one in newest_first if one.id in needed}
    for less in {_holds_less(one) for one in newest_first}:
        alike = [one for one in newest_first if _holds_less(one) == less]
        stay.add(alike[0].id)
        for count, bucket in ((daily, "%Y-%m-%d"), (weekly, "%G-%V"), (monthly, "%Y-%m")):
            seen: set[str] = set()
            for one in alike:
                named = one.asked_at.strftime(bucket)
                if named not in seen and len(seen) < count:
                    seen.add(named)
                    stay.add(one.id)
    return stay


def _holds_less(one: Backup) -> tuple[bool, bool]:
    return bool(one.only), one.proven is not None and one.proven.how == WAIVED


def doomed(backups: Iterable[Backup], *, daily: int, weekly: int, monthly: int,
           needed: Collection[str]) -> tuple[Backup, ...]:
    """The good backups that go, oldest first."""
    every = sorted((one for one in backups if one.good), key=_age)
    stay = kept(every, daily=daily, weekly=weekly, monthly=monthly, needed=needed)
    return tuple(one for one in every if one.id not in stay)


def _age(one: Backup) -> tuple[datetime, int, str]:
    return one.asked_at, len(one.id), one.id

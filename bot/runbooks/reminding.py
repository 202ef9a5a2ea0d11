"""Reminders before something is due and after: each once, in the waking hours of who has to act, late ones as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MORNING, EVENING = time(8), time(22)
AGAIN = timedelta(days=1)
"""How often something overdue is said again."""
NEAR = timedelta(hours=3)
OFTEN = 30
"""After so many days nobody reads it any more; the card still says it."""


@dataclass(frozen=True)
class Reminder:
    """When somebody is to be reminded; `name` is what is kept of it, so that it is said once."""

    name: str
    at: datetime


def reminders(since: datetime, due: datetime, before: Iterable[timedelta], zone: str) -> list[Reminder]:
    """All of them in order of time. What would ring at night comes on the evening before, or else in the morning."""
    there = _zone(zone)
    found = list[Reminder]()
    for ahead in sorted(before, reverse=True):
        wanted = due - ahead
        if wanted <= since:
            continue
        at = _awake(wanted, there)
        if at != wanted and ahead and (evening := _evening(wanted, there)) > since:
            at = evening
            if any(abs(other.at - at) < NEAR for other in found):
                continue    # that evening is reminded anyway
        found.append(Reminder(f"{ahead.total_seconds() / 3600:g} h", at))
    found += [Reminder(f"+{day} d", _awake(due + day * AGAIN, there)) for day in range(1, OFTEN + 1)]
    return sorted(found, key=lambda reminder: reminder.at)


def due_now(planned: Sequence[Reminder], given: Iterable[str], now: datetime) -> tuple[list[str], datetime | None]:
    """The names of those that are to be given now, several as one; and when the next one comes."""
    open_ = [reminder for reminder in planned if reminder.name not in given]
    names = [reminder.name for reminder in open_ if reminder.at <= now]
    return names, min((reminder.at for reminder in open_ if reminder.at > now), default=None)


def _awake(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment, or the morning after it when it is night there."""
    local = moment.astimezone(zone)
    if MORNING <= local.time() < EVENING:
        return moment
    day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


def _evening(moment: datetime, zone: ZoneInfo) -> datetime:
    """An hour before the night that this moment lies in."""
    local = moment.astimezone(zone)
    day = local.date() if local.time() >= EVENING else local.date() - timedelta(days=1)
    return (datetime.combine(day, EVENING, zone) - timedelta(hours=1)).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")

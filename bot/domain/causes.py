"""Which promotion a fault is put down to, computed from what it names and when it began."""

from __future__ import annotations

import re

from bot.domain.scene import Recent
from bot.domain.sighting import Fault, Source
from bot.domain.signal import Cause

OUTSIDERS = frozenset({"anon", "authenticator"})
"""Roles that anybody on the internet speaks as: what they alone provoke proves nothing."""

AT_ONCE = 5.0
"""Seconds before its first commit is known from which on something counts as since the promotion: clocks differ."""

_SHORTEST = 3
_ARGUMENTS = re.compile(r"\(.*")


def cause_of(fault: Fault, recent: tuple[Recent, ...]) -> Cause | None:
    """The newest watched promotion since which it was first seen; one whose objects it names goes before others."""
    since = [each for each in recent if (fault.first_seen - each.since).total_seconds() >= -AT_ONCE]
    since.sort(key=lambda each: each.since, reverse=True)
    named = [(each, same) for each in since if (same := _same(fault, each))]
    if named:
        promotion, same = named[0]
        why = f"it names {', '.join(same[:3])}, which {promotion.id} changed; first seen {_after(fault, promotion)}"
        return Cause(promotion=promotion.id, why=f"{why}, never before", sure=not outsiders_alone(fault))
    if since:
        why = f"first seen {_after(fault, since[0])}, never before; it names nothing that {since[0].id} changed"
        return Cause(promotion=since[0].id, why=why, sure=False)
    return None


def _same(fault: Fault, promotion: Recent) -> list[str]:
    """What of the promotion the fault names, as the promotion calls it."""
    return [touched for touched in promotion.touched if any(_names(each, touched) for each in fault.objects)]


def _names(said: str, touched: str) -> bool:
    """Whether a message that says `legacy_code` or `books.title` may mean `public.books.title`."""
    said, touched = (_ARGUMENTS.sub("", name).replace('"', "").lower() for name in (said, touched))
    return said == touched or (len(said) >= _SHORTEST and touched.endswith(f".{said}"))


def outsiders_alone(fault: Fault) -> bool:
    """Whether only people from outside met it, as far as is known."""
    roles = frozenset(fault.hits.roles)
    return bool(roles and roles <= OUTSIDERS) or (not roles and fault.source in (Source.EDGE, Source.AUTH))


def _after(fault: Fault, promotion: Recent) -> str:
    seconds = max(0.0, (fault.first_seen - promotion.since).total_seconds())
    return f"{seconds:.0f} s after it" if seconds < 90 else f"{seconds / 60:.0f} min after it"

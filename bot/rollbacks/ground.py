"""The ground of a rollback: what of production it rests on, what changed since, and what is in its way."""

from __future__ import annotations

import hashlib

from bot.domain.catalog import Key, Snapshot
from bot.domain.entry import Json, canonical
from bot.domain.promotion import Promotion
from bot.errors import Refused
from bot.evidence.gathering import staged
from bot.migrations.catalog.diff import differences
from bot.ports import Shelves
from bot.world import Ports

AFTER = ""
"""The key of the catalog that a run left, as in `bot.runbooks.catalogs`."""


def around(promotion: Promotion, shelves: Shelves) -> tuple[Snapshot | None, Snapshot | None]:
    """The catalogs from before and after what is in: production's own, else staging's around the same files."""
    own = seen(promotion, shelves)
    return own if own[0] and own[1] else _stagings(promotion, shelves)


def seen(promotion: Promotion, shelves: Shelves) -> tuple[Snapshot | None, Snapshot | None]:
    """Production's own catalogs around the promotion, where both were seen."""
    return _decoded(promotion.catalogs.get(promotion.plan.files[0].version), promotion.catalogs.get(AFTER), shelves)


def _stagings(promotion: Promotion, shelves: Shelves) -> tuple[Snapshot | None, Snapshot | None]:
    runs = staged(shelves, promotion.plan)
    inside = [file for file in promotion.plan.files if file.version in promotion.committed]
    own = [run for file in inside if (run := runs.get(file.version)) and run.sha256 == file.sha256]
    return _decoded(own[0].before, own[-1].after, shelves) if len(own) == len(inside) else (None, None)


def _decoded(first: str | None, last: str | None, shelves: Shelves) -> tuple[Snapshot | None, Snapshot | None]:
    if not (first and last):
        return None, None
    return Snapshot.decoded(shelves.fetch(first)), Snapshot.decoded(shelves.fetch(last))


def otherwise(promotion: Promotion, shelves: Shelves) -> tuple[str, ...]:
    """What the promotion did to production and not to staging, or the other way round: SQL proven there may not fit."""
    sides = []
    for first, last in (seen(promotion, shelves), _stagings(promotion, shelves)):
        if first is None or last is None:
            return ()
        sides.append({(one.sign, one.key) for one in differences(first, last)})
    return tuple(f"{sign} {_named(key)}" for sign, key in sorted(sides[0] ^ sides[1]))


def told(
    ports: Ports, promotion: Promotion, drafted: bool, first: Snapshot | None, last: Snapshot | None, now: Snapshot,
) -> list[str]:
    """What changed since. Raises `Refused` where that is in the way; `drafted` SQL knows nothing of later objects."""
    if first is None or last is None:
        return ["Nobody saw the catalog from before, so what it is afterwards cannot be compared."]
    if now.major != last.major:
        return [f"The catalog was seen on PostgreSQL {last.major}; production runs {now.major}: it cannot be compared."]
    touched = {one.key for one in differences(first, last)}
    since = [one.key for one in differences(last, now)]
    culprits = _culprits(ports, promotion)
    changed = [key for key in since if key in touched]
    for key in changed:
        if culprit := culprits.get(key):
            raise Refused(
                f"{culprit} changed {_named(key)} after {promotion.id} did. Roll {culprit} back first: "
                f"/migrate rollback {culprit}"
            )
    added = {key for key in touched if key not in first.objects}
    leaning = [key for key in since if key in now.objects and key not in last.objects and _leans(key, added, now)]
    for key in leaning:
        on = next(on for on in (*now.parents.get(key, ()), *now.needs.get(key, ())) if on in added)
        if culprit := culprits.get(key):
            raise Refused(
                f"{_named(key)} of {culprit} depends on {_named(on)}, which {promotion.id} made. Roll {culprit} back "
                f"first: /migrate rollback {culprit}"
            )
        if drafted and not added.intersection(now.parents.get(key, ())):  # what is a part of it goes along with it
            raise Refused(
                f"{_named(key)} depends on {_named(on)}, which {promotion.id} made, and came by no promotion. "
                f"Take it away first, or write supabase/rollbacks/{promotion.plan.files[0].filename} so that it does."
            )
    told_ = [f"{_named(key)} was changed since by no promotion." for key in changed]
    return [*told_, *(f"{_named(key)} was made since by no promotion, and goes with it." for key in leaning)][:8]


def _culprits(ports: Ports, promotion: Promotion) -> dict[Key, str]:
    """Which later promotion touched what."""
    found: dict[Key, str] = {}
    since = max(row.at for row in promotion.committed.values())
    for record in ports.journal.find(kind="promotion", project=promotion.plan.project, limit=100_000):
        if record.id == promotion.id:
            continue
        later = Promotion.of(ports.journal.entries(about=record.id))
        back = later.taken_back and later.taken_back.done
        if not later.changed_something or back or min(row.at for row in later.committed.values()) < since:
            continue
        first, last = around(later, ports.shelves)
        if first and last:
            found |= {one.key: later.id for one in differences(first, last)}
    return found


def _leans(key: Key, added: set[Key], now: Snapshot) -> bool:
    return any(on in added for on in (*now.parents.get(key, ()), *now.needs.get(key, ())))


def ground(head: str | None, first: Snapshot | None, last: Snapshot | None, now: Snapshot) -> str:
    """What a word is bound to beside the bytes: production's head, the touched objects and what leans on them."""
    touched = {one.key for one in differences(first, last)} if first and last else set(now.objects)
    around_ = touched | {key for key in now.objects if _leans(key, touched, now)}
    here = {key: now.objects.get(key) for key in sorted(around_)}
    state: dict[str, Json] = {" ".join(key): None if doc is None else dict(doc) for key, doc in here.items()}
    return hashlib.sha256(canonical({"head": head, "objects": state}).encode()).hexdigest()


def _named(key: Key) -> str:
    return f"{key[0].replace('_', ' ')} {key[1]}"

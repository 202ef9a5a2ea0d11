"""Whether new indexes are used: what staging's own counters say, at the run and each time it is verified again."""

from __future__ import annotations

from bot.domain.catalog import Snapshot
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.errors import Unreachable
from bot.evidence.gathering import staged
from bot.world import World

MOST = 6


def used(promotion: Promotion, first: Snapshot | None, last: Snapshot | None, world: World) -> str:
    """One line about the indexes that the plan brought; empty where it brought none, or nobody saw which."""
    seen = (first, last) if first and last else _seen_earlier(promotion, world)
    if seen is None:
        return ""
    before, after = seen
    assert before is not None
    assert after is not None
    new = [key[1] for key in after.of_kind("index") if key not in before.objects]
    if not new:
        return ""
    try:
        scans = world.project.databases[Environment.STAGING].index_scans()
    except Unreachable as trouble:
        return f"Indexes in use: could not check. {trouble}"
    said = [f"{name.removeprefix('public.')} {_times(scans.get(name, 0))}" for name in new[:MOST]]
    more = f" and {len(new) - MOST} more" if len(new) > MOST else ""
    return f"Indexes in use: {', '.join(said)}{more}"


def _times(scans: int) -> str:
    if not scans:
        return "by no query yet; /migrate stage VERSION asks again"
    return f"in {scans:,} scan{'' if scans == 1 else 's'}"


def _seen_earlier(promotion: Promotion, world: World) -> tuple[Snapshot, Snapshot] | None:
    """The catalogs of the run that put these bytes in, where this one only verifies them."""
    runs, files = staged(world.ports.shelves, promotion.plan), promotion.plan.files
    first, last = runs.get(files[0].version), runs.get(files[-1].version)
    if not (first and last and first.before and last.after):
        return None
    fetch = world.ports.shelves.fetch
    return Snapshot.decoded(fetch(first.before)), Snapshot.decoded(fetch(last.after))

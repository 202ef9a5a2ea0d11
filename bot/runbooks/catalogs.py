"""The catalogs that a run saw: kept before each file and after the last, and compared with staging's."""

from __future__ import annotations

from bot.domain.catalog import Key, Snapshot
from bot.domain.moment import Moment
from bot.domain.plan import PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.errors import Unreachable
from bot.evidence.gathering import staged
from bot.migrations.catalog.diff import changed, differences
from bot.world import World

AFTER = ""
"""The key of the catalog that a run left; the others go by the version of the file before which they were seen."""


def look(promotion: Promotion, version: str, world: World, seen: Moment | None = None) -> Promotion:
    """Keep staging's catalog as it is before this file, or after the last one, unless that was done.

    Production's is kept from before the first file, and from after the last one that went in: that is what a rollback
    has to lead back to. What was `seen` just now is not read again.
    """
    where = promotion.plan.environment
    if where is Environment.PRODUCTION and version == AFTER:
        pass  # after a stop and a resume there is another one to keep
    elif version in promotion.catalogs or (where is Environment.PRODUCTION and promotion.changed_something):
        return promotion
    kept, why = "", seen.unread if seen else ""
    try:
        catalog = seen.catalog if seen else world.project.databases[where].catalog()
        kept = world.ports.shelves.keep(catalog.encoded()) if catalog else ""
    except Unreachable as trouble:
        why = str(trouble)  # the run itself goes on: if staging is down, the apply will say so
    if kept and kept == promotion.catalogs.get(version):
        return promotion
    return promotion.after(world.note("catalog.seen", {"version": version, "sha256": kept, "why": why}))


def unseen(promotion: Promotion) -> bool:
    """Whether it only verified what was there: nobody saw the catalog before, so no way back can be tried by it."""
    return not any(file.version in promotion.catalogs for file in promotion.plan.files)


def after(promotion: Promotion, file: PlannedFile) -> str:
    """The moment after a file, by which its catalog is kept."""
    files = promotion.plan.files
    return AFTER if file is files[-1] else files[files.index(file) + 1].version


def at(promotion: Promotion, version: str, world: World) -> Snapshot | None:
    kept = promotion.catalogs.get(version)
    return Snapshot.decoded(world.ports.shelves.fetch(kept)) if kept else None


def before_each(promotion: Promotion, world: World) -> dict[str, Snapshot]:
    found = {file.version: at(promotion, file.version, world) for file in promotion.plan.files}
    return {version: catalog for version, catalog in found.items() if catalog}


def compared_with_staging(promotion: Promotion, seen: Moment, world: World) -> tuple[list[str], str]:
    """Where production's touched objects are not what staging's became; and a sentence for the verdict.

    Raises `Unreachable` where it could not be looked at.
    """
    if promotion.plan.environment is not Environment.PRODUCTION:
        return [], ""
    runs = staged(world.ports.shelves, promotion.plan)
    own = [run for file in promotion.plan.files if (run := runs.get(file.version)) and run.sha256 == file.sha256]
    if len(own) != len(promotion.plan.files) or not own[0].before or not own[-1].after:
        return [], "its end state was not compared with staging's, which Stagedoor did not see"
    fetch = world.ports.shelves.fetch
    before, after = Snapshot.decoded(fetch(own[0].before)), Snapshot.decoded(fetch(own[-1].after))
    now = seen.catalog
    if now is None:
        raise Unreachable(seen.unread)
    if now.major != after.major:
        return [], f"its end state could not be compared: PostgreSQL {now.major} here, {after.major} on staging"
    touched = differences(before, after)
    wrong = [text for one in touched if (text := _unlike(one.key, [part for part, _, _ in one.parts], now, after))]
    return wrong, f"{len(touched)} touched object{'s are' if len(touched) != 1 else ' is'} as on staging"


def _unlike(key: Key, parts: list[str], now: Snapshot, aim: Snapshot) -> str:
    """How one object is not as on staging; of one that was changed only what was changed counts."""
    here, there = now.objects.get(key), aim.objects.get(key)
    if here is None or there is None:
        if here is there:
            return ""
        return f"{key[0]} {key[1]} is {'missing, and staging has it' if here is None else 'there, and staging lost it'}"
    if other := [part for part, _, _ in changed(there, here) if not parts or part in parts]:
        return f"{key[0]} {key[1]} is not as on staging ({', '.join(other)})"
    return ""

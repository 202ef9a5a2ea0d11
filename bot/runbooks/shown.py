"""What a staging run showed: the lines of its checklist, its locks and rows, and the document that is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from bot.domain.entry import Json
from bot.domain.evidence import Staged
from bot.domain.plan import PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.risks import Ran
from bot.domain.values import texts
from bot.errors import Unreachable
from bot.evidence import changes
from bot.evidence.gathering import staged
from bot.migrations.catalog import checklist
from bot.migrations.catalog.access import access_diff
from bot.migrations.catalog.diff import readable
from bot.migrations.catalog.showing import showing
from bot.runbooks import catalogs, index_use, pages
from bot.world import World

Asked = TypeVar("Asked")


def gather(promotion: Promotion, world: World) -> None:
    """Journal what the staging run showed: the checklist's lines, and the whole difference as a file."""
    shelves, lines = world.ports.shelves, list[str]()
    moments = (promotion.plan.files[0].version, catalogs.AFTER)
    first, last = (catalogs.at(promotion, moment, world) for moment in moments)
    whole = ""
    if first and last:
        rows = _rows(promotion)
        staging = world.project.databases[Environment.STAGING]
        broken = _asked(staging.uncompiled)
        counts = _asked(lambda: staging.counts(checklist.touched(first, last, rows)))
        lines += checklist.checklist(first, last, rows, broken, counts)
        whole = "\n".join((readable(first, last), "", *access_diff(first, last)))
    else:
        lines.append("Catalog: could not be compared; it was not seen before and after the run")
    if use := index_use.used(promotion, first, last, world):
        lines.append(use)
    lines += [
        f"Could not be read: {place} {ran.did}{'' if ran.harmless else '; it counts as destructive'}"
        for file in promotion.plan.files for place, ran in zip(file.unread, ran_of(promotion, file, world), strict=True)
    ]
    held = _locks(promotion, world)
    if asked := pages.functions(world):
        lines.append(asked)
    lines += [f"Locks {lock}" for locked in held.values() for lock in locked]
    world.note("evidence.seen", {
        "lines": list[Json](lines), "diff": shelves.keep(whole.encode()) if whole.strip() else "",
        "locks": {version: list[Json](locked) for version, locked in held.items()},
    })


def _asked(ask: Callable[[], Mapping[str, Asked]]) -> Mapping[str, Asked] | None:
    """What staging answers; None where it cannot be asked, which the checklist says."""
    try:
        return ask()
    except Unreachable:
        return None


def staged_run(promotion: Promotion, file: PlannedFile, world: World) -> Staged:
    """The document of one file of a verified staging run."""
    if catalogs.unseen(promotion):
        return _verified_again(promotion, file, world)
    before, after = (promotion.catalogs.get(moment, "") for moment in (file.version, catalogs.after(promotion, file)))
    return Staged(
        sha256=file.sha256, at=world.ports.clock.now(), record=promotion.id,
        seconds=promotion.committed[file.version].seconds, locks=promotion.locks.get(file.version, ()),
        before=before, after=after, changes=changes.kept(before, after, world.ports.shelves),
        head=promotion.plan.head or "",
        ran=ran_of(promotion, file, world),
    )


def _verified_again(promotion: Promotion, file: PlannedFile, world: World) -> Staged:
    """The document of a run that put nothing in: what an earlier one saw of these bytes still holds."""
    earlier = staged(world.ports.shelves, promotion.plan).get(file.version)
    now = world.ports.clock.now()
    if earlier and earlier.sha256 == file.sha256:
        return replace(earlier, at=now, record=promotion.id)
    return Staged(sha256=file.sha256, at=now, record=promotion.id, seconds=0.0)


def noted_as_in(promotion: Promotion, world: World) -> None:
    """Journal that each file is in, though this run did not put it there."""
    if promotion.committed:
        return
    left = world.project.databases[Environment.STAGING].leftovers()
    files: list[tuple[str, dict[str, Json]]] = [
        ("apply.committed", {
            "version": file.version, "seconds": 0.0, "statements": file.statements, "recovered": True, "again": True,
        }) for file in promotion.plan.files
    ]
    world.note_together(("apply.before", {"leftovers": list[Json](left)}), *files)


def ran_of(promotion: Promotion, file: PlannedFile, world: World) -> tuple[Ran, ...]:
    """What the run showed of the lines of a file that nobody could read."""
    if not file.unread:
        return ()
    moments = (file.version, catalogs.after(promotion, file))
    before, after = (catalogs.at(promotion, moment, world) for moment in moments)
    return showing(file.unread, promotion.seen.get(file.version, {}), before, after)


def _rows(promotion: Promotion) -> Mapping[str, Json]:
    """The rows of all files together; nothing where one of them was not seen."""
    total: dict[str, list[int]] = {}
    emptied: list[str] = []
    for file in promotion.plan.files:
        rows = promotion.seen.get(file.version, {}).get("rows")
        emptied += texts(promotion.seen.get(file.version, {}).get("emptied"))
        if not isinstance(rows, dict):
            return {}
        for table, counts in rows.items():
            assert isinstance(counts, list)
            own = [int(str(count)) for count in counts]
            total[table] = [was + more for was, more in zip(total.get(table, [0, 0, 0]), own, strict=True)]
    return {
        "rows": {table: list[Json](counts) for table, counts in total.items()},
        "emptied": list[Json](dict.fromkeys(emptied)),
    }


def _locks(promotion: Promotion, world: World) -> dict[str, list[str]]:
    try:
        sizes = {where: world.project.databases[where].sizes() for where in Environment}
    except Unreachable:
        sizes = {}
    found: dict[str, list[str]] = {}
    for file in promotion.plan.files:
        before = catalogs.at(promotion, file.version, world)
        if before and (seen := promotion.seen.get(file.version)):
            here, there = sizes.get(Environment.STAGING, {}), sizes.get(Environment.PRODUCTION, {})
            found[file.version] = checklist.locks(before, seen, here, there)
    return found

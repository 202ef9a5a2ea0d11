"""Foretold beside actual: how long the lock that staging showed to be the longest was really held in production."""

from __future__ import annotations

from typing import Any

from bot.domain.catalog import Snapshot
from bot.domain.entry import Json
from bot.domain.evidence import Staged
from bot.domain.plan import PlannedFile
from bot.domain.promotion import Promotion
from bot.evidence import staged
from bot.migrations.catalog.checklist import held
from bot.world import World


def compare_locks(promotion: Promotion, world: World) -> None:
    """Journal the comparison once; without a staging run of Stagedoor's own, or without a lock, it is empty."""
    if promotion.course.compared:
        return
    runs = staged(world.ports.shelves, promotion.plan)
    found = [
        (float(lock["seconds"]), was, str(lock["table"]))
        for file in promotion.so_far.plan.files
        if (run := runs.get(file.version)) and run.sha256 == file.sha256
        for lock in _foretold(file, run, world)
        if (was := _was(promotion, file, int(lock["statement"]))) is not None
    ]
    longest: dict[str, Json] = {}
    if found:
        longest["foretold"], longest["was"], longest["table"] = max(found)
    world.note("locks.compared", longest)


def _foretold(file: PlannedFile, run: Staged, world: World) -> list[dict[str, Any]]:
    seen = Promotion.of(world.ports.journal.entries(about=run.record)).seen.get(file.version)
    if not seen or not run.before:
        return []
    return held(Snapshot.decoded(world.ports.shelves.fetch(run.before)), seen)


def _was(promotion: Promotion, file: PlannedFile, statement: int) -> float | None:
    """From the beginning of the statement that takes a lock to the end of its transaction, which frees it."""
    lasted = promotion.seen.get(file.version, {}).get("lasted")
    if not isinstance(lasted, list) or not 0 < statement <= len(lasted):
        return None
    return float(str(lasted[statement - 1]))

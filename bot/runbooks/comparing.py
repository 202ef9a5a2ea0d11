"""Foretold beside actual: how long the lock that staging showed to be the longest was really held in production."""

from __future__ import annotations

from functools import cache

from bot.domain.catalog import Snapshot
from bot.domain.entry import Json
from bot.domain.plan import PlannedFile
from bot.domain.promotion import Promotion
from bot.evidence.gathering import staged
from bot.migrations.catalog.checklist import held
from bot.world import World


def compare_locks(promotion: Promotion, world: World) -> None:
    """Journal the comparison once; without a staging run of Stagedoor's own, or without a lock, it is empty."""
    if promotion.course.compared:
        return
    files = promotion.so_far.plan.files
    known = staged(world.ports.shelves, promotion.plan)
    runs = {file.version: run for file in files if (run := known.get(file.version)) and run.sha256 == file.sha256}

    @cache
    def seen(record: str) -> Promotion:
        return Promotion.of(world.ports.journal.entries(about=record))

    found = [
        (float(lock["seconds"]), was, str(lock["table"]))
        for file in files if (run := runs.get(file.version)) and run.locks and run.before
        for lock in held(
            Snapshot.decoded(world.ports.shelves.fetch(run.before)), seen(run.record).seen.get(file.version, {}),
        )
        if (was := _was(promotion, file, int(lock["statement"]))) is not None
    ]
    compared: dict[str, Json] = {}
    if found:
        compared["foretold"], compared["was"], compared["table"] = max(found)
    if len(runs) == len(files):
        compared["staging"] = sum(run.seconds for run in runs.values())
    world.note("locks.compared", compared)


def _was(promotion: Promotion, file: PlannedFile, statement: int) -> float | None:
    """From the beginning of the statement that takes a lock to the end of its transaction, which frees it."""
    lasted = promotion.seen.get(file.version, {}).get("lasted")
    if not isinstance(lasted, list) or not 0 < statement <= len(lasted):
        return None
    return float(str(lasted[statement - 1]))

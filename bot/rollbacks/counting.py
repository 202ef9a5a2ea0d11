"""What taking a promotion back costs in rows of production, counted at a moment; what cannot be counted says why."""

from __future__ import annotations

import threading
from dataclasses import replace

from bot.domain.backup import rows_words
from bot.domain.catalog import Snapshot
from bot.domain.forgone import Counted, Forgone
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.errors import StagedoorError, Unreachable
from bot.migrations.catalog.losses import gone, narrowed
from bot.rollbacks import ground
from bot.rollbacks.plans import Planned
from bot.world import Ports, Project

PATIENCE = 3.0
"""Seconds that counting may take where a plan is made."""

SOON = 1.2
"""Seconds that a modal waits for it: what opens it lives for three."""


def counted(ports: Ports, project: Project, promotion: Promotion, seconds: float = PATIENCE) -> Counted:
    """The rows of what the promotion brought, now."""
    first, last = ground.around(promotion, ports.shelves)
    at = ports.clock.now()
    if first is None or last is None:
        return Counted(at=at, why="nobody saw the catalog from before, so what goes is not known")
    newest = [file.version for file in promotion.plan.files if file.version in promotion.committed][-1]
    goes = gone(last, first)
    try:
        found = project.databases[Environment.PRODUCTION].forgone(goes, newest, seconds) if goes else ()
    except Unreachable as trouble:
        return Counted(at=at, why=str(trouble).rstrip("."))
    return Counted(at=at, forgone=(*found, *_unfitting(first, last)))


def counted_soon(ports: Ports, project: Project, promotion: Promotion) -> Counted:
    """The same for somebody who waits for a window: whatever production does, it is over in time."""
    found = list[Counted]()

    def count() -> None:
        try:
            found.append(counted(ports, project, promotion, SOON))
        except StagedoorError as trouble:
            found.append(Counted(at=ports.clock.now(), why=str(trouble).rstrip(".")))

    at = ports.clock.now()
    worker = threading.Thread(target=count, name="counting", daemon=True)
    worker.start()
    worker.join(SOON)
    return found[0] if found else Counted(at=at, why=f"production did not answer within {SOON:g} s")


def in_numbers(ports: Ports, project: Project, promotion: Promotion, now: Planned) -> Planned:
    """The plan with the rows that it gives up, and with those that can be put back after it."""
    rolling, found = now.rolling, counted(ports, project, promotion)
    told = (*rolling.told, *_kept_rows(project, promotion))
    return replace(now, rolling=replace(rolling, counted=found, told=told))


def _kept_rows(project: Project, promotion: Promotion) -> tuple[str, ...]:
    """How many rows that the promotion destroyed are kept inside production, as a sentence; nothing where none are."""
    if not promotion.keeps:
        return ()
    try:
        kept = project.databases[Environment.PRODUCTION].kept_rows()
    except Unreachable as trouble:
        return (f"How many rows are kept of what {promotion.id} destroyed could not be counted: {trouble}",)
    return tuple(
        f"{rows_words(each.rows)} of {', '.join(each.tables).replace('public.', '')} that "
        f"{promotion.id} destroyed {'are' if each.rows != 1 else 'is'} kept inside production; Restore data puts "
        f"{'them' if each.rows != 1 else 'it'} back once this is done."
        for each in kept if each.record == promotion.id and not each.restored
    )


def _unfitting(first: Snapshot, last: Snapshot) -> tuple[Forgone, ...]:
    why = "each value would have to be tried"
    return tuple(Forgone(what=words, why=why) for words in narrowed(first, last))

"""The runbook of `Restore data`: rows that a promotion destroyed are put back into production, once it is approved."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.errors import Busy, Refused
from bot.ports import Database, KeptRows
from bot.runbooks import steps
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.voters import asked_for, still_count
from bot.runbooks.walker import Runbook
from bot.world import World

AGAIN = timedelta(seconds=30)
"""How soon it is tried again where others hold its tables."""


def gates(promotion: Promotion, world: World) -> Outcome:
    """There is something to put back."""
    if over := steps.called_off(promotion):
        return over
    found = kept_for(_production(world), promotion.restores)
    if found is None or found.restored:
        return Stop(verdict="refused", why=_nothing(promotion.restores, found))
    world.note("rows.seen", {"tables": list(found.tables), "rows": found.rows, "since": found.since.isoformat()})
    return Next(said=f"{found.rows} rows are kept")


def approval(promotion: Promotion, world: World) -> Outcome:
    """Wait for as many people as the policy asks for: what was written meanwhile may be overwritten."""
    if over := steps.called_off(promotion) or asked_for(promotion, world):
        return over
    return Next(said=f"approved by {len(promotion.approvals)}")


def put_back(promotion: Promotion, world: World) -> Outcome:
    """Put all of it back in one transaction; after a crash the database says whether that was done."""
    production = _production(world)
    found = kept_for(production, promotion.restores)
    if promotion.restoring and found is not None and found.restored:
        return Next(said="they were put back before Stagedoor was interrupted")
    if not promotion.restoring and (over := steps.called_off(promotion) or still_count(promotion, world)):
        return over
    if taken := steps.project_taken(world):
        return taken
    world.note("rows.attempt", {"of": promotion.restores})
    # A cancel that was journalled before this attempt, but after this walk folded, still counts.
    if over := steps.called_off(Promotion.of(world.ports.journal.entries(about=promotion.id))):
        return over
    try:
        put = production.put_back(promotion.restores, world.policy.apply.lock_timeout.total_seconds())
    except Busy as busy:
        world.note("rows.wait", {"why": str(busy)})
        world.release_project()
        return Wait(for_=str(busy), until=world.ports.clock.now() + AGAIN)
    except Refused as refused:
        found = kept_for(production, promotion.restores)
        if found is not None and found.restored:
            return Next(said="they are back already")
        return Stop(verdict="refused", why=str(refused))
    world.note("rows.back", {"tables": dict(put)})
    return Next(said=f"{sum(put.values())} rows are back")


def done(promotion: Promotion, world: World) -> Outcome:
    """Tell the team."""
    return Stop(verdict="done", why=f"the rows that {promotion.restores} destroyed are back")


def kept_for(database: Database, record: str) -> KeptRows | None:
    """What is kept of one promotion. Raises `Unreachable`."""
    return next((kept for kept in database.kept_rows() if kept.record == record), None)


def _nothing(record: str, found: KeptRows | None) -> str:
    if found is None:
        return f"Nothing is kept in production for {record}. A dump may have it: /migrate backup."
    return f"What {record} destroyed was put back already."


def _production(world: World) -> Database:
    return world.project.databases[Environment.PRODUCTION]


RUNBOOK = Runbook(stages=(gates, approval, put_back, done), leave=World.release_project)

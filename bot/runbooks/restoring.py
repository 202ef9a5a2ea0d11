"""The runbook of `Restore data`: rows that a promotion destroyed are put back into production, once it is approved.

What people approve is a count of what goes back, what would be written over, and what stays as it is; before it is
done production is dumped, as before a promotion that rewrites data.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.returning import Returning, moved, returning
from bot.errors import Refused
from bot.ports import Busy, Database, KeptRows, Moved
from bot.runbooks import steps
from bot.runbooks.backing_up import backup, stale, unready
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.voters import asked_for, still_count
from bot.runbooks.walker import Runbook
from bot.world import World

UNCHANGED = "Nothing was put back; production and the kept rows are as they were."


def gates(promotion: Promotion, world: World) -> Outcome:
    """There is something to put back, and it has its place: counted now, so that people know what they approve."""
    if over := steps.called_off(promotion):
        return over
    production = _production(world)
    found = kept_for(production, promotion.restores)
    if found is None or found.restored:
        return Stop(verdict="refused", why=_nothing(promotion.restores, found))
    try:
        parts = production.going_back(promotion.restores)
    except Refused as refused:
        return Stop(verdict="refused", why=str(refused))
    if trouble := unready(world):
        return Stop(verdict="refused", why=f"A backup comes first, and none can be taken now: {trouble} {UNCHANGED}")
    if not any(part.put for part in parts):
        return Stop(verdict="refused", why=f"There is nothing to put back. {_said(parts)}.")
    world.note("rows.seen", {**_seen(found, parts), "left_out": _left_out(promotion.restores, world)})
    return Next(said=f"{found.rows} rows are kept")


def approval(promotion: Promotion, world: World) -> Outcome:
    """Wait for as many people as the policy asks for."""
    if over := steps.called_off(promotion) or asked_for(promotion, world):
        return over
    return Next(said=f"approved by {len(promotion.approvals)}")


def put_back(promotion: Promotion, world: World) -> Outcome:
    """Put it back in one transaction, as it was approved; after a crash the database says whether that was done."""
    production = _production(world)
    found = kept_for(production, promotion.restores)
    if promotion.restoring and found is not None and found.restored:
        return _back(found.outcome, world, "they were put back before Stagedoor was interrupted")
    if over := _not_yet(promotion, world):
        return over
    world.note("rows.attempt", {"of": promotion.restores})
    # A cancel that was journalled before this attempt, but after this walk folded, still counts.
    if over := steps.called_off(Promotion.of(world.ports.journal.entries(about=promotion.id))):
        return over
    approved, limit = _approved(promotion), world.policy.apply.lock_timeout.total_seconds()
    try:
        put = production.put_back(promotion.restores, approved, limit, world.stopping)
    except Moved as more:
        return _asked_again(promotion, found, more.now, world)
    except Busy as busy:
        world.note("rows.not_back", {"why": str(busy)})
        return _later(promotion, busy, world)
    except Refused as refused:
        world.note("rows.not_back", {"why": str(refused)})
        return Stop(verdict="refused", why=f"{refused} {UNCHANGED}")
    return _back(put, world, f"{sum(part.put for part in put)} rows are back")


def verify(promotion: Promotion, world: World) -> Outcome:
    """Production says itself, on a connection of its own, that they are back."""
    if promotion.verified:
        return Next()
    found = kept_for(_production(world), promotion.restores)
    if found is None or not found.restored:
        return Stop(verdict="unverified", why=(
            "Production's own list does not say that they are back. Look at the tables before anything else is done."
        ))
    count = sum(part.put + part.same for part in promotion.returned)
    said = f"{count:,} rows were compared with what was kept, before the transaction was committed"
    world.note("verify.seen", {"said": said})
    return Next(said=said)


def done(promotion: Promotion, world: World) -> Outcome:
    """Tell the team."""
    put, kept = (sum(getattr(part, name) for part in promotion.returned) for name in ("put", "kept"))
    return Stop(verdict="done", why=f"{put:,} of {kept:,} rows that {promotion.restores} destroyed are back")


def kept_for(database: Database, record: str) -> KeptRows | None:
    """What is kept of one promotion. Raises `Unreachable`."""
    return next((kept for kept in database.kept_rows() if kept.record == record), None)


def _not_yet(promotion: Promotion, world: World) -> Outcome | None:
    """What is in the way, judged at the moment of use. A try that was interrupted is settled by the next one."""
    if promotion.restoring:
        return steps.project_taken(world)
    return (
        steps.called_off(promotion) or still_count(promotion, world) or steps.project_taken(world)
        or stale(promotion, world)
    )


def _asked_again(
    promotion: Promotion, found: KeptRows | None, now: tuple[Returning, ...], world: World,
) -> Outcome:
    """More would be written over, or stay away, than people saw: the same people are asked again."""
    assert found is not None
    more = moved(_approved(promotion), now)
    people = list(dict.fromkeys((*promotion.approvals, *world.policy.approvals.approvers)))
    world.release_project()
    world.note("rows.moved", {
        **_seen(found, now), "left_out": promotion.kept_rows.get("left_out", []), "more": list(more),
        "people": list[Json](people),
    })
    return Next(to="approval", said="rows were written since it was approved")


def _later(promotion: Promotion, busy: Busy, world: World) -> Outcome:
    world.release_project()
    if world.stopping():
        return Wait(for_="Stagedoor to start again", until=world.ports.clock.now())
    if promotion.tries >= world.policy.apply.retries:
        return Stop(verdict="refused", why=f"{busy} It was tried {promotion.tries + 1} times. {UNCHANGED}")
    pause = timedelta(seconds=min(2.0**promotion.tries, 60.0))
    return Wait(for_=f"another try: {busy} Nothing is back yet", until=world.ports.clock.now() + pause)


def _back(parts: tuple[Returning, ...], world: World, said: str) -> Outcome:
    world.note("rows.back", {"tables": [part.to_json() for part in parts]})
    return Next(said=said)


def _seen(found: KeptRows, parts: tuple[Returning, ...]) -> dict[str, Json]:
    return {
        "tables": list(found.tables), "rows": found.rows, "since": found.since.isoformat(),
        "returning": [part.to_json() for part in parts],
    }


def _left_out(record: str, world: World) -> list[Json]:
    """Tables of which nothing was kept, since that was too much: what goes back is not all that went."""
    said: dict[str, None] = {}
    for entry in world.ports.journal.entries(about=record):
        kept = entry.data.get("kept") if entry.kind == "apply.kept" else None
        for one in kept if isinstance(kept, list) else []:
            if isinstance(one, dict) and one.get("left_out"):
                said[f"{one['table']}, {one['left_out']}"] = None
    return list(said)


def _approved(promotion: Promotion) -> tuple[Returning, ...]:
    """What people saw when they approved it. Where an older release asked them they saw no counts: nothing is held
    against those."""
    return returning(promotion.kept_rows.get("returning"))


def _said(parts: tuple[Returning, ...]) -> str:
    return "; ".join(part.said for part in parts)


def _nothing(record: str, found: KeptRows | None) -> str:
    if found is None:
        return f"Nothing is kept in production for {record}. A dump may have it: /migrate backup."
    return f"What {record} destroyed was put back already."


def _production(world: World) -> Database:
    return world.project.databases[Environment.PRODUCTION]


RUNBOOK = Runbook(stages=(gates, approval, backup, put_back, verify, done), leave=World.release_project)

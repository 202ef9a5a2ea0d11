"""The rollback runbook: severity, plan, approval, backup, apply, verify, staging, file, in the written one's order.

It passes windows and freezes, and goes before every promotion that waits: what is broken is mended first.
"""

from __future__ import annotations

from bot.domain.entry import Json
from bot.domain.migration import Match
from bot.domain.moment import Moment
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.rolling_back import Severity
from bot.errors import Refused, Unreachable
from bot.evidence.gathering import in_history
from bot.rollbacks.counting import in_numbers
from bot.rollbacks.plans import planned
from bot.rollbacks.rights import rolling
from bot.runbooks import backing_up, rescue, steps
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.restored import Restored, restored
from bot.runbooks.rollback_after import file, review, staging
from bot.runbooks.rollback_words import asked_for, still_count
from bot.runbooks.walker import Runbook
from bot.world import World


def severity(promotion: Promotion, world: World) -> Outcome:
    """The runbook's first step, answered in the modal: minor faults are better mended forward, and that is said."""
    minor = rolling(promotion).severity is Severity.MINOR
    return Next(said="minor: a forward fix is advised" if minor else "major: roll back now")


def plan(promotion: Promotion, world: World) -> Outcome:
    """What would be done, on production as it is now; another plan than the one decided about is asked for anew."""
    if over := steps.called_off(promotion):
        return rescue.ended(over, promotion, world)
    if busy := _changing(world):
        return Wait(for_=f"{busy}, which is changing production", until=world.ports.clock.now() + steps.SETTLE)
    try:
        anew = _planned(promotion, world)
    except Refused as refused:
        return rescue.ended(Stop(verdict="refused", why=str(refused)), promotion, world)
    if anew:
        world.note("rollback.planned", anew)
    return Next(said="planned anew: production moved" if anew else "planned")


def approval(promotion: Promotion, world: World) -> Outcome:
    """Wait for the word that the rules ask for, on this very ground."""
    if over := steps.called_off(promotion):
        return rescue.ended(over, promotion, world)
    waits = asked_for(promotion, world)
    return rescue.ended(waits, promotion, world) if isinstance(waits, Stop) else waits


def backup(promotion: Promotion, world: World) -> Outcome:
    """Hold what going back destroys: without a proven dump nothing begins."""
    return rescue.ended(backing_up.backup(promotion, world), promotion, world)


def apply(promotion: Promotion, world: World) -> Outcome:
    """Put it in by the same protocol as a promotion, once everything that was decided still stands."""
    if not promotion.began:
        if over := steps.called_off(promotion):
            return rescue.ended(over, promotion, world)
        if blocked := steps.project_taken(world) or backing_up.stale(promotion, world):
            return blocked
        try:
            if _planned(promotion, world):
                world.release_project()
                return Next(to="plan", said="production moved before it began")
        except Refused as refused:
            return rescue.ended(Stop(verdict="refused", why=str(refused)), promotion, world)
        if back := still_count(promotion, world):
            world.release_project()
            return back
    elif blocked := steps.project_taken(world):
        return blocked
    return rescue.ended(steps.put_in(promotion, world), promotion, world)


def verify(promotion: Promotion, world: World) -> Outcome:
    """What the promotion touched is as it was before it; what others changed since is told."""
    rescue.tell_taken(promotion, world)
    if promotion.verified or rolling(promotion).unlike:
        return Next()
    try:
        seen = world.project.databases[Environment.PRODUCTION].moment()
        rows = in_history(promotion.plan, seen.history, world.ports.shelves)
        wrong = [f"{each.label} is not in production's history" for each in promotion.plan.files
                 if rows.get(each.version) is not Match.SAME]
        said, unlike = _compared(promotion, seen, world)
    except Unreachable as trouble:
        return Wait(for_=f"production to answer: could not verify yet. {trouble}",
                    until=world.ports.clock.now() + steps.SETTLE)
    before = {*(promotion.leftovers or ()), *(rescue.promotion_of(promotion, world).leftovers or ())}
    wrong += [*unlike, *(each for each in seen.leftovers if each not in before)]
    if wrong:
        world.note("rollback.unlike", {"wrong": list(wrong)})
        rescue.call_people(promotion, world, f"its end state is not as before: {'; '.join(wrong[:3])}.")
        return Next(said="in production, and not as it was before")
    world.note("verify.seen", {"said": said})
    return Next(said=said)


def done(promotion: Promotion, world: World) -> Outcome:
    """Tell the team."""
    unlike = rolling(promotion).unlike
    return Stop(verdict="unverified", why="; ".join(unlike)) if unlike else Stop(verdict="done", why=promotion.verified)


def _planned(promotion: Promotion, world: World) -> dict[str, Json] | None:
    """The plan as of now, when it is another one; None where what was decided about still stands."""
    own, ports, of = rolling(promotion), world.ports, rescue.promotion_of(promotion, world)
    now = planned(ports, world.project, of, own.severity, own.reason, (promotion.plan, own))
    if now.rolling.ground == own.ground and now.plan.digest == promotion.plan.digest:
        return None
    now = in_numbers(ports, world.project, of, now)
    return {"plan": now.plan.to_json(), "rolling": now.rolling.to_json()}


def _changing(world: World) -> str:
    """Another record that changes production right now."""
    held = world.ports.shelves.get("hold", f"{world.record.project}:promotion")
    holder = str(held["record"]) if held else ""
    return "" if holder == world.record.id else holder


def _compared(promotion: Promotion, seen: Moment, world: World) -> tuple[str, list[str]]:
    own, fetch = rolling(promotion), world.ports.shelves.fetch
    if not (own.before and own.after):
        return "in production's history; nobody saw the catalog from before, so it was not compared", []
    before, after = rescue.catalog(fetch(own.before)), rescue.catalog(fetch(own.after))
    now = seen.catalog
    if now is None:
        raise Unreachable(seen.unread)
    if now.major != before.major:
        return f"in production's history; PostgreSQL {before.major} then, {now.major} now: not compared", []
    found = restored(before, after, now)
    return _praise(found), list(found.wrong)


def _praise(found: Restored) -> str:
    one = found.touched == 1
    said = f"{found.touched} touched object{' is' if one else 's are'} exactly as before the promotion"
    others = f"; changed since by others, and left alone: {', '.join(found.others[:5])}" if found.others else ""
    return said + others


RUNBOOK = Runbook(
    stages=(severity, plan, approval, backup, apply, verify, staging, file, review, done), leave=World.release_project,
)

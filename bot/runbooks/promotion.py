"""The promotion runbook: from the gates to the end of the watch, in the order of the written one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.checklist import State, automatic_passed, passed
from bot.domain.promotion import Promotion
from bot.gates import PROMOTION
from bot.runbooks import catalogs, steps, watching
from bot.runbooks.backing_up import backup, stale
from bot.runbooks.comparing import compare_locks
from bot.runbooks.emergency import owed
from bot.runbooks.halting import ended, halted
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.turn import not_now, window
from bot.runbooks.voters import asked_for, still_count
from bot.runbooks.walker import Runbook
from bot.world import World

RECHECK = timedelta(seconds=30)
"""How soon a gate that waits for something outside is judged again when no fact arrives."""

FOLLOWS = timedelta(seconds=10)
"""How soon one that follows another is judged again: what becomes of the other is no fact of its own."""


def gates(promotion: Promotion, world: World) -> Outcome:
    """Gather the evidence, judge it, and wait for what is missing."""
    if over := steps.called_off(promotion):
        return over
    checks = steps.judged(promotion, world, PROMOTION)
    if refused := [check.said for check in checks if check.state is State.REFUSED]:
        return Stop(verdict="refused", why=" ".join(refused))
    if automatic_passed(checks):
        return Next(said="every automatic gate passes")
    return Wait(
        for_="; ".join(check.said for check in checks if not check.manual and check.state is not State.PASSED),
        until=world.ports.clock.now() + RECHECK,
    )


def approval(promotion: Promotion, world: World) -> Outcome:
    """Wait for as many people as the policy asks for, and for the ticks that only people can give."""
    if over := steps.called_off(promotion):
        return over
    checks = steps.judged(promotion, world, PROMOTION)
    if refused := [check.said for check in checks if check.state is State.REFUSED]:
        return Stop(verdict="refused", why=" ".join(refused))
    if wait := asked_for(promotion, world):
        if isinstance(wait, Wait) and promotion.plan.after:
            return replace(wait, until=world.ports.clock.now() + FOLLOWS)
        return wait
    if waiting := [check.title for check in checks if check.state is not State.PASSED]:
        return Wait(for_="; ".join(waiting), until=world.ports.clock.now() + RECHECK)
    return Next(said=_voters(promotion))


def apply(promotion: Promotion, world: World) -> Outcome:
    """Put the files in one after the other, each judged once more at the moment of use."""
    if not promotion.began:
        if over := steps.called_off(promotion):
            return over
        if why := not_now(promotion, world):
            world.release_project()
            return Next(to="window", said=why)
        if blocked := steps.project_taken(world) or stale(promotion, world):
            return blocked
        checks = steps.judged(promotion, world, PROMOTION)
        if back := still_count(promotion, world):
            return back
        if refused := [check.said for check in checks if check.state is State.REFUSED]:
            return Stop(verdict="refused", why=" ".join(refused))
        if not passed(checks):
            missing = [check.said for check in checks if check.state is not State.PASSED]
            return Wait(for_=" ".join(missing), until=world.ports.clock.now() + RECHECK)
        watching.remember(promotion, world)
    elif blocked := steps.project_taken(world):
        return blocked
    outcome = steps.put_in(promotion, world)
    if isinstance(outcome, Stop):  # else it is looked at when it is verified
        catalogs.look(promotion, catalogs.AFTER, world)
    return halted(outcome, promotion, world)


def verify(promotion: Promotion, world: World) -> Outcome:
    """Look at what production says now: its history, and nothing left half-built."""
    outcome = steps.verified(promotion.so_far, world)
    compare_locks(promotion, world)
    return outcome


def watch(promotion: Promotion, world: World) -> Outcome:
    """Stay and look for as long as the policy says."""
    world.release_project()
    if promotion.taken_back and promotion.taken_back.done:
        return Stop(verdict="rolled back", why=f"rolled back by {promotion.taken_back.record}")
    return watching.watch(promotion, world)


def done(promotion: Promotion, world: World) -> Outcome:
    """Tell the team; after an emergency, once the evidence that was skipped is there."""
    if promotion.taken_back and promotion.taken_back.done:
        return Stop(verdict="rolled back", why=f"rolled back by {promotion.taken_back.record}")
    if promotion.emergency and (waits := owed(promotion, world)):
        return waits
    return ended(promotion, Stop(verdict="done", why=promotion.watched))


def _voters(promotion: Promotion) -> str:
    return f"approved by {len(promotion.approvals)}"


RUNBOOK = Runbook(stages=(gates, approval, window, backup, apply, verify, watch, done), leave=World.release_project)

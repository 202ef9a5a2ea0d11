"""The runbook of a baseline: today's differences are shown, approved by somebody else, and accepted for good."""

from __future__ import annotations

from bot.domain.promotion import Promotion
from bot.evidence.baseline import SHELF, accept, differences
from bot.runbooks import steps
from bot.runbooks.outcome import Next, Outcome, Stop
from bot.runbooks.voters import asked_for, still_count
from bot.runbooks.walker import Runbook
from bot.world import World


def gates(promotion: Promotion, world: World) -> Outcome:
    """Nothing else may have changed since it was asked for."""
    if over := steps.called_off(promotion):
        return over
    return _changed(promotion, world) or Next(said="the differences are as they were asked for")


def approval(promotion: Promotion, world: World) -> Outcome:
    """Wait for as many people as the policy asks for."""
    if over := steps.called_off(promotion) or asked_for(promotion, world):
        return over
    return Next(said=f"approved by {len(promotion.approvals)}")


def done(promotion: Promotion, world: World) -> Outcome:
    """Accept exactly what was approved, by people whose word still counts."""
    held = world.ports.shelves.get(SHELF, promotion.plan.project)
    if held and held["record"] == promotion.id:
        return Stop(verdict="done")
    if back := _changed(promotion, world) or still_count(promotion, world):
        return back
    world.ports.shelves.put([accept(world.ports.shelves, promotion.plan.project, promotion.plan.accepts, promotion.id)])
    return Stop(verdict="done")


def _changed(promotion: Promotion, world: World) -> Outcome | None:
    if set(differences(world.project, world.ports.shelves)) >= set(promotion.plan.accepts):
        return None
    return Stop(verdict="refused", why="What differs is no longer what was asked for. Ask again: /migrate baseline.")


RUNBOOK = Runbook(stages=(gates, approval, done), leave=World.release_project)

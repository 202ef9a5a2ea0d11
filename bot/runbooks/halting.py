"""A file that did not go in after others did: what is in is verified and watched before the record ends."""

from __future__ import annotations

from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.runbooks.outcome import Next, Outcome, Stop
from bot.world import World


def halted(outcome: Outcome, promotion: Promotion, world: World) -> Outcome:
    """The outcome of an apply, unless it is a failure half-way: then it goes on to `verify` with what is in."""
    if not (isinstance(outcome, Stop) and outcome.verdict == "failed"):
        return outcome
    now = Promotion.of(world.ports.journal.entries(about=promotion.id))
    if not now.changed_something:
        return outcome
    if not now.course.stopped:
        world.note("apply.stopped", {
            "in": list[Json](now.committed), "not_in": [file.version for file in now.remaining], "why": outcome.why,
        })
    return Next(to="verify", said=outcome.why)


def ended(promotion: Promotion, otherwise: Stop) -> Stop:
    """How a record ends whose runbook was walked to its end: as failed, if a part of it did not go in."""
    if not promotion.course.stopped:
        return otherwise
    return Stop(verdict="failed", why=promotion.failure.why if promotion.failure else "a part of it did not go in")

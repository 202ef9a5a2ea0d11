"""After an emergency promotion: the evidence that was skipped is asked for, until it is given."""

from __future__ import annotations

from datetime import timedelta

from bot import gates
from bot.domain.checklist import State
from bot.domain.emergency import passable
from bot.domain.promotion import Promotion
from bot.evidence.gathering import gather
from bot.gates import manual, pull_request
from bot.runbooks.outcome import Outcome, Wait
from bot.windows import schedule
from bot.world import World

LOOK_AGAIN = timedelta(minutes=2)
ASK_AGAIN = timedelta(hours=24)


def held_by_a_person(promotion: Promotion, world: World) -> str:
    """The freeze that stops even an emergency: one that a person set. Windows, holidays and incidents' do not."""
    standing = (each for each in schedule.freezes(world.ports, promotion.plan.project) if not each.incident)
    freeze = next(standing, None)
    return f"{freeze.id} to be lifted: {freeze.reason}" if freeze else ""


def owed(promotion: Promotion, world: World) -> Outcome | None:
    """Ask for what is owed, and again each day; None once all of it is given."""
    now, emergency = world.ports.clock.now(), promotion.emergency
    assert emergency is not None
    missing = _missing(promotion, world)
    asked, again = emergency.owed, emergency.asked_at is None or now >= emergency.asked_at + ASK_AGAIN
    if missing != (asked or ()) or (missing and again):
        world.note("emergency.owed", {"owed": list(missing), "people": [promotion.requested_by], "again": bool(asked)})
    return Wait(for_="the evidence that was skipped", until=now + LOOK_AGAIN) if missing else None


def _missing(promotion: Promotion, world: World) -> tuple[str, ...]:
    """The lines that were passed by emergency and are open still."""
    ports, skip = world.ports, tuple(world.policy.gates.skip)
    evidence = gather(
        promotion.plan, world.project, ports.shelves, ports.clock.now(), ticks=promotion.ticks,
        applied=tuple(promotion.committed), waivers=promotion.waivers,
    )
    checks = gates.judge(evidence, (pull_request, manual), skip)
    return tuple(
        check.title for check in checks
        if passable(check) and check.state is not State.PASSED and check.title not in promotion.ticks
    )

"""The staging runbook: the same protocol as production, without anybody's approval."""

from __future__ import annotations

from bot.domain.checklist import State, passed
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.errors import Refused
from bot.evidence.gathering import staged_put
from bot.gates import STAGING
from bot.runbooks import catalogs, pages, proving, shown, steps
from bot.runbooks.halting import ended, halted
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.promotion import RECHECK
from bot.runbooks.walker import Runbook
from bot.world import World


def again(promotion: Promotion, world: World) -> Outcome:
    """Where it is on staging already nothing runs: that it is in is noted, and what follows looks at it anew."""
    if over := steps.called_off(promotion):
        return over
    if blocked := steps.project_taken(world):
        return blocked
    shown.noted_as_in(promotion, world)
    return Next(to="verify", said="it is there already and does not run again")


def take_back(promotion: Promotion, world: World) -> Outcome:
    """Where a version is staged anew, take back what staging ran of it, by the way that was proven."""
    if over := steps.called_off(promotion):
        return over
    if blocked := steps.project_taken(world):
        return blocked
    try:
        taken = proving.take_back(promotion, world)
    except Refused as refused:
        return Stop(verdict="refused", why=str(refused))
    return Next(said="taken back" if taken else "it was taken back before")


def gates(promotion: Promotion, world: World) -> Outcome:
    """Judge what would break all-or-nothing or the order of the history."""
    if over := steps.called_off(promotion):
        return over
    checks = steps.judged(promotion, world, STAGING)
    if refused := [check.said for check in checks if check.state is State.REFUSED]:
        return Stop(verdict="refused", why=" ".join(refused))
    if passed(checks):
        return Next(said="the gates pass")
    return Wait(
        for_=" ".join(check.said for check in checks if check.state is not State.PASSED),
        until=world.ports.clock.now() + RECHECK,
    )


def apply(promotion: Promotion, world: World) -> Outcome:
    """Put the files into staging."""
    if blocked := steps.project_taken(world):
        return blocked
    return halted(steps.put_in(promotion, world), promotion, world)


def verify(promotion: Promotion, world: World) -> Outcome:
    """Look at what staging says now."""
    return steps.verified(promotion.so_far, world)


def proof(promotion: Promotion, world: World) -> Outcome:
    """Try each file's way back, in one transaction that leaves no trace, and gather what the run showed."""
    promotion = pages.looked_at(catalogs.look(promotion.so_far, catalogs.AFTER, world), world)
    if not promotion.shown:
        shown.gather(promotion, world)
    if promotion.ways or catalogs.unseen(promotion):
        return Next()
    if blocked := steps.project_taken(world):
        return blocked
    try:
        proving.try_ways_back(promotion, world)
    except Refused as refused:
        return Wait(for_=f"staging to be free: {refused}", until=world.ports.clock.now() + steps.SETTLE)
    return Next()


def done(promotion: Promotion, world: World) -> Outcome:
    """Keep the evidence, tied to the bytes, and let the promotions that waited for it go on."""
    promotion = promotion.so_far
    runs = [
        staged_put(
            promotion.plan.project, file.version, shown.staged_run(promotion, file, world),
            pull=promotion.plan.source.pull if promotion.plan.source else 0,
        )
        for file in promotion.plan.files
    ]
    world.ports.shelves.put([*runs, *pages.kept(promotion, world)])
    for waiting in world.ports.journal.find(kind="promotion", project=promotion.plan.project, status=Status.LIVE):
        world.ports.wake(waiting.id)
    return ended(promotion, Stop(verdict="done", why=promotion.verified))


RUNBOOK = Runbook(stages=(again, take_back, gates, apply, verify, proof, done), leave=World.release_project)

"""The runbook of a freeze: it stands until its end, or until somebody lifts it."""

from __future__ import annotations

from bot.domain.window import Freeze
from bot.runbooks.outcome import Outcome, Stop, Wait
from bot.runbooks.walker import Runbook
from bot.runbooks.window import wake_line
from bot.world import World


def standing(freeze: Freeze, world: World) -> Outcome:
    """Promotions ask the calendar, which knows of it; here it only ends."""
    if freeze.lifted:
        return Stop(verdict="lifted", by=freeze.lifted[0], why=freeze.lifted[1])
    if freeze.until and world.ports.clock.now() >= freeze.until:
        return Stop(verdict="over")
    return Wait(for_="its end" if freeze.until else "somebody who lifts it", until=freeze.until)


RUNBOOK = Runbook(stages=(standing,), leave=wake_line, fold=Freeze.of)

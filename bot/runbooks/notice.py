"""The runbook of a notice: there is nothing to walk; it is told, and that is all."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.entry import Entry
from bot.runbooks.outcome import Outcome, Stop
from bot.runbooks.walker import Runbook
from bot.world import World


def told(entries: Sequence[Entry], world: World) -> Outcome:
    """Done as soon as it is journalled; the announcer shows it."""
    return Stop(verdict="told")


RUNBOOK = Runbook(stages=(told,), leave=lambda world: None, fold=lambda entries: entries)

"""A step of the scripted rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.slack import Message
from rehearsal.world import World

PATIENCE = 60.0


@dataclass(frozen=True)
class Step:
    """One thing that is done or must be seen; `act` raises or returns an empty value where it did not hold."""

    says: str
    act: Callable[[], object]


def private(world: World, user: str, says: str) -> Message:
    """Wait until this person alone was told so."""
    return world.slack.wait_for(
        lambda: next((m for m in world.slack.ephemerals(user) if says in world.slack.text_of(m)), None),
        timeout=PATIENCE, why=f"a private answer that says “{says}”",
    )

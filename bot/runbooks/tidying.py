"""Earlier texts of messages that their authors edited or deleted are taken away where the policy keeps none."""

from __future__ import annotations

from bot.domain.entry import SYSTEM
from bot.domain.incident import Incident
from bot.world import World


def erase_earlier(incident: Incident, world: World) -> None:
    """The entries stay, their texts go; doing it again changes nothing."""
    if world.policy.incidents.keep_edited:
        return
    shelves = world.ports.shelves
    for note in incident.timeline():
        for version in note.versions:
            if (note.deleted or version != note.versions[-1]) and shelves.private(version.entry) is not None:
                shelves.erase(version.entry, SYSTEM)

"""Stop the bleeding: flags are turned and code is taken back, once for each wish, and followed until it is in force."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.entry import Json
from bot.domain.incident import Incident
from bot.domain.switches import Switch
from bot.ports import Turned
from bot.world import World

FOLLOW = timedelta(seconds=5)
"""How soon the other side is asked again how far it is."""

REVERT = ""
"""The name of the flag that is none: the code deployment."""


def turn_switches(incident: Incident, world: World) -> datetime | None:
    """Do what was wished for and not done yet; says when to come back."""
    again: list[datetime] = []
    for switch in incident.switches:
        if switch.state in ("asked", "acting"):
            again.append(_act(switch, world))
        elif switch.state == "following" and (later := _follow(switch, world)):
            again.append(later)
    return min(again, default=None)


def _act(switch: Switch, world: World) -> datetime:
    levers = world.project.levers
    before = switch.state == "acting"       # an earlier walk ended in the middle: it may have acted
    if not before:
        world.note("incident.switching", {"switch": switch.id})
    if levers is None:
        turned = Turned(state="manual", answer="Stagedoor has no way to do this itself.", steps=("Do it by hand.",))
    elif switch.flag == REVERT:
        turned = levers.revert(switch.id, again=before)
    else:
        turned = levers.turn(switch.flag, switch.to, switch.id, again=before)
    _note(switch, turned, world)
    return world.ports.clock.now()


def _follow(switch: Switch, world: World) -> datetime | None:
    levers, now = world.project.levers, world.ports.clock.now()
    if levers is None:
        return None
    turned = levers.follow(switch.follows)
    if turned.state == "following" and turned.answer == switch.answer:
        return now + FOLLOW
    _note(switch, turned, world)
    return now


def _note(switch: Switch, turned: Turned, world: World) -> None:
    data: dict[str, Json] = {
        "switch": switch.id, "flag": switch.flag, "to": switch.to, "by": switch.by, "state": turned.state,
        "answer": turned.answer, "before": turned.before, "way_back": turned.way_back, "steps": list(turned.steps),
        "in_force_at": turned.in_force_at.isoformat() if turned.in_force_at else None,
    }
    if turned.state == "following":
        world.note("incident.following", data | {"follows": dict(turned.follows)})
    else:
        world.note("incident.reverted" if switch.flag == REVERT else "incident.switched", data)

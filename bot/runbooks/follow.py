"""The runbook of what follows from an incident: its preventive measures are reminded of until each is done."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.draft import Measure
from bot.domain.follow import Follow
from bot.domain.incident import Incident
from bot.runbooks.outcome import Outcome, Stop, Wait
from bot.runbooks.reminding import due_now, reminders
from bot.runbooks.reporting import zone_of
from bot.runbooks.walker import Runbook
from bot.runbooks.writing import filed
from bot.world import World

BEFORE = (timedelta(days=3), timedelta(0))
"""How long before it is due the owner of a measure is reminded."""


def following(follow: Follow, world: World) -> Outcome:
    """Remind each owner at their time; over once every measure is done."""
    incident = Incident.of(world.ports.journal.entries(about=follow.incident))
    open_ = [measure for measure in incident.draft.measures if measure.done_at is None]
    if not open_:
        return Stop(verdict="done", why="every measure is done")
    again = [filed(measure, incident, world) for measure in incident.draft.measures]
    again += [_remind(measure, follow, world) for measure in open_]
    return Wait(for_="its measures", until=min((at for at in again if at is not None), default=None))


def _remind(measure: Measure, follow: Follow, world: World) -> datetime | None:
    if measure.due is None or measure.added_at is None:
        return None
    now = world.ports.clock.now()
    planned = reminders(measure.added_at, measure.due, BEFORE, zone_of(measure.owner, world))
    given = [name for id, name in follow.reminded if id == measure.id]
    names, later = due_now(planned, given, now)
    if names:
        world.note("action.reminded", {
            "id": measure.id, "which": [*names], "owner": measure.owner, "text": measure.text,
            "due": measure.due.isoformat(), "overdue": now >= measure.due,
        })
    return later


RUNBOOK = Runbook(stages=(following,), leave=lambda world: None, fold=Follow.of)

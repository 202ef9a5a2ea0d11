"""The incident runbook: opened, told, run by people until it is resolved, watched, and then reported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from bot.domain.incident import Incident
from bot.domain.record import Status
from bot.errors import Unknown
from bot.incidents import timeline
from bot.runbooks.freezing import keep_frozen
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.reporting import is_reported, report_clock
from bot.runbooks.switching import turn_switches
from bot.runbooks.tidying import erase_earlier
from bot.runbooks.walker import Runbook
from bot.runbooks.writing import exported
from bot.world import World

Clock: TypeAlias = Callable[[Incident, World], datetime | None]
"""Does what is due by time and says when it wants to be asked again."""


def overdue(incident: Incident, world: World) -> datetime | None:
    """Remind the commander, once, of an update whose promised time has come."""
    due = incident.next_update
    if due is None or incident.overdue_told == due:
        return None
    now = world.ports.clock.now()
    if now < due:
        return due
    who = _reachable(incident.commander or incident.updates[-1].by, world)
    world.note("incident.overdue", {"due": due.isoformat(), "who": who, "late": (now - due).total_seconds()})
    return now


def _reachable(person: str, world: World) -> str:
    """That person, or nobody (then who is on call is told) where they left the workspace."""
    try:
        return person if world.ports.people.find(person).full_member else ""
    except Unknown:
        return ""


CLOCKS: tuple[Clock, ...] = (overdue, report_clock)


def opening(incident: Incident, world: World) -> Outcome:
    """Freeze if it is bad, and look for what changed before it and for what was like it."""
    keep_frozen(incident, world)
    if incident.told is None:
        ports = world.ports
        changes = timeline.changed_before(ports, incident.project, incident.at)
        world.note("incident.told", {"changes": list(changes), "similar": list(timeline.alike(ports, incident))})
    return Next(said="")


def running(incident: Incident, world: World) -> Outcome:
    """People run it. Here it is only kept frozen, switches are turned, and what was promised is reminded of."""
    again = _tend(incident, world)
    if incident.same_as:
        return Stop(verdict="joined")
    if not incident.open:
        return Next(said="")
    return Wait(for_="its resolution", until=again)


def watching(incident: Incident, world: World) -> Outcome:
    """Look for as long as the policy says whether it stays well; then it is closed."""
    again = _tend(incident, world)
    if incident.same_as:
        return Stop(verdict="joined")
    if incident.open:
        return Next(to="running", said="")
    watch, now = world.policy.watch, world.ports.clock.now()
    if incident.watch_until is None:
        world.note("incident.watching", {
            "until": (now + watch.after_incident).isoformat(), "health": list(watch.health),
        })
        return Wait(for_="the watch", until=now)
    _look(incident, world)
    if now < incident.watch_until:
        return Wait(for_="the watch", until=_soonest(again, min(incident.watch_until, now + watch.poll)))
    world.note("incident.closed", {"saw": len(incident.watched)})
    return Next(said="")


def report(incident: Incident, world: World) -> Outcome:
    """Closed; it ends once its report is published, and can be reopened until then."""
    again = _tend(incident, world)
    if incident.same_as:
        return Stop(verdict="joined")
    if incident.open:
        return Next(to="running", said="")
    if is_reported(incident):
        return exported(incident, world) or Stop(verdict="published")
    return Wait(for_="its report", until=again)


def _tend(incident: Incident, world: World) -> datetime | None:
    """What goes on in every stage; says when to come back for it."""
    keep_frozen(incident, world)
    erase_earlier(incident, world)
    return _soonest(turn_switches(incident, world), *(clock(incident, world) for clock in CLOCKS))


def _look(incident: Incident, world: World) -> None:
    """Health addresses and new alerts; each trouble is noted once."""
    ports = world.ports
    for url in world.policy.watch.health:
        if trouble := ports.health.check(url):
            _saw(incident, f"{url} {trouble}", world)
    since = incident.resolved_at
    for record in ports.journal.find(kind="alert", project=incident.project, status=Status.LIVE):
        first = next(iter(ports.journal.entries(about=record.id)), None)
        if first and since and first.at >= since:
            _saw(incident, f"the alert {record.id} came up", world)


def _saw(incident: Incident, what: str, world: World) -> None:
    if what not in incident.watched:
        world.note("incident.watch_saw", {"what": what})


def _soonest(*moments: datetime | None) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)


def leave(world: World) -> None:
    """Nothing is held."""


RUNBOOK = Runbook(stages=(opening, running, watching, report), leave=leave, fold=Incident.of)

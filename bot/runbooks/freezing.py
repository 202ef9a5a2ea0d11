"""A grave incident freezes promotions of its project, and lets them go when it is resolved."""

from __future__ import annotations

from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.incident import Incident
from bot.domain.record import Status
from bot.windows import schedule
from bot.world import World


def keep_frozen(incident: Incident, world: World) -> None:
    """Set the freeze or take it away, as severity and status ask; a person who lifted it is not overruled."""
    wanted = incident.open and incident.severity.freezes
    if wanted and not incident.frozen_by:
        _freeze(incident, world)
    elif not wanted and incident.frozen_by:
        _thaw(incident, world)


def _freeze(incident: Incident, world: World) -> None:
    """The freeze and the note of it in one transaction, so that a crash leaves neither or both."""
    what = "a private incident" if incident.private else incident.title
    reason: dict[str, Json] = {"reason": f"{incident.id}: {what}", "until": None, "incident": incident.id}
    begins = schedule.opening("freeze", incident.project)
    opened = world.ports.journal.open(lambda take: ([
        Fact(about=(record := take("F")), kind="freeze.set", actor=SYSTEM, data=reason, opens=begins),
        Fact(about=incident.id, kind="incident.froze", actor=SYSTEM, data={"freeze": record}),
    ], []), claim=world.claim)
    if opened:
        world.ports.wake(opened[0].about)


def _thaw(incident: Incident, world: World) -> None:
    frozen = incident.frozen_by
    why = f"{incident.id} is resolved" if not incident.open else f"{incident.id} is {incident.severity} now"
    facts = [Fact(about=incident.id, kind="incident.thawed", actor=SYSTEM, data={"freeze": frozen, "why": why})]
    record = world.ports.journal.load(frozen)
    if record and record.status is Status.LIVE:
        facts.append(Fact(about=frozen, kind="freeze.lifted", actor=SYSTEM, data={"reason": why}))
    world.ports.journal.append(facts, claim=world.claim)
    world.ports.wake(frozen)

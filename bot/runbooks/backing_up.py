"""The stage `backup` of promotions and rollbacks: a proven dump, or production stays as it is."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.backup import PROMOTION, SERIES, Backup, asked
from bot.domain.entry import SYSTEM, Fact
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.evidence.safekeeping import only, why_needed
from bot.runbooks import steps
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.world import World

NONE_NEEDED, NONE_TAKEN = "no backup is needed", "the policy takes no backup"

FRESH = timedelta(hours=1)
"""How long a dump is recent enough for a promotion that had to go back to its window."""


def backup(promotion: Promotion, world: World) -> Outcome:
    """Have a dump taken and proven where the plan needs one; without it nothing of the plan goes in."""
    if promotion.began:
        return Next(said="it had begun already")
    if over := steps.called_off(promotion):
        return over
    ports = world.ports
    why = why_needed(promotion.plan, promotion.lost, world.policy.backups, ports.shelves, ports.clock.now())
    if not why:
        return Next(said=NONE_TAKEN if world.policy.backups.when == "never" else NONE_NEEDED)
    held, now = promotion.backup, ports.clock.now()
    if held is None or held.failed or (held.at and now - held.at > FRESH):
        _begin(promotion, world)
        return Wait(for_="", until=now)
    if held.done:
        return Next(said=f"backup {held.id}: {held.said}")
    return _looked_after(promotion, held.id, world)


def _looked_after(promotion: Promotion, id: str, world: World) -> Outcome:
    journal, now = world.ports.journal, world.ports.clock.now()
    record, taken = journal.load(id), Backup.of(journal.entries(about=id))
    if record is not None and record.status is Status.LIVE:
        waits = f", which waits for {record.waits_for}" if record.waits_for else ""
        return Wait(for_=f"backup {id}{waits}", until=now + steps.SETTLE)
    if taken.good:
        world.note("backup.held", {"backup": id, "said": taken.summary, "at": now.isoformat()})
        return Wait(for_="", until=now)
    why = f"No backup could be taken, so nothing was begun: {taken.why or 'it was removed'}."
    world.note("backup.lacks", {"backup": id, "why": why})
    return Stop(verdict="no backup", why=why)


def _begin(promotion: Promotion, world: World) -> None:
    """Open the backup's own record and note it here, in one transaction."""
    ports, policy, now = world.ports, world.policy.backups, world.ports.clock.now()
    id = f"{SERIES}-{ports.journal.number(SERIES)}"
    tables = only(promotion.plan, policy, ports.shelves, now)
    opens = asked(
        id, project=promotion.plan.project, by=SYSTEM, cause=PROMOTION, promotion=promotion.id, proof=policy.proof,
        only=tables,
    )
    begun = Fact(about=promotion.id, kind="backup.begun", actor=SYSTEM, data={"backup": id, "tables": len(tables)})
    ports.journal.append([opens, begun], claim=world.claim)
    ports.wake(id)

"""The stage `backup` of promotions and rollbacks: a proven dump, or production stays as it is."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.backup import PROMOTION, SERIES, Backup, asked
from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.domain.returning import returning
from bot.errors import Refused
from bot.evidence.safekeeping import Table, only, why_needed
from bot.ports import Put, Take
from bot.runbooks import steps
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.world import World

NONE_NEEDED, NONE_TAKEN = "no backup is needed", "the policy takes no backup"

FRESH = timedelta(hours=1)
"""How long a dump is recent enough for what it was taken for, if that had to wait."""


def backup(promotion: Promotion, world: World) -> Outcome:
    """Have a dump taken and proven where the plan needs one; without it nothing of the plan goes in."""
    if promotion.began:
        return Next(said="it had begun already")
    if over := steps.called_off(promotion):
        return over
    ports = world.ports
    if not _needed(promotion, world):
        return Next(said=NONE_TAKEN if world.policy.backups.when == "never" else NONE_NEEDED)
    held, now = promotion.backup, ports.clock.now()
    if held is None or held.failed or _old(promotion, world):
        _begin(promotion, world)
        return Wait(for_="", until=now)
    if held.done:
        return Next(said=f"backup {held.id}: {held.said}")
    return _looked_after(promotion, held.id, world)


def stale(promotion: Promotion, world: World) -> Next | None:
    """Back to a new dump where the one that was taken is old by now, or gone: looked at right before it is needed."""
    if promotion.began or promotion.backup is None or not promotion.backup.done:
        return None
    why = "its backup is older than an hour by now" if _old(promotion, world) else _missing(promotion.backup.id, world)
    if not why:
        return None
    world.release_project()
    world.note("backup.lacks", {"backup": promotion.backup.id, "why": why})
    return Next(to="backup", said=why)


def _missing(id: str, world: World) -> str:
    kept, backups = Backup.of(world.ports.journal.entries(about=id)).kept, world.project.backups
    gone = backups.missing(kept) if backups and kept else ""
    return f"its backup is not there any more ({gone})" if gone else ""


def unready(world: World) -> str:
    """Why no backup could be taken now; nothing where the policy takes none. Raises `Unreachable`."""
    policy, backups = world.policy.backups, world.project.backups
    if policy.when == "never":
        return ""
    if backups is None:
        return "This Stagedoor was started without anything that takes backups."
    try:
        backups.ready(policy.proof)
    except Refused as refused:
        return str(refused)
    return ""


def _old(promotion: Promotion, world: World) -> bool:
    taken = promotion.backup.at if promotion.backup else None
    return taken is not None and world.ports.clock.now() - taken > FRESH


def _needed(promotion: Promotion, world: World) -> bool:
    """Rows that are put back may write over others, whatever the words of a plan say."""
    ports, policy = world.ports, world.policy.backups
    if promotion.restores:
        return policy.when != "never"
    return bool(why_needed(promotion.plan, promotion.lost, policy, ports.shelves, ports.clock.now()))


def _only(promotion: Promotion, world: World) -> tuple[Table, ...]:
    ports, policy = world.ports, world.policy.backups
    if not promotion.restores:
        return only(promotion.plan, policy, ports.shelves, ports.clock.now())
    names = (part.table.partition(".") for part in returning(promotion.kept_rows.get("returning")))
    return tuple((schema, table) for schema, _, table in names) if policy.scope == "touched" else ()


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
    ports, policy, tables = world.ports, world.policy.backups, _only(promotion, world)

    def opens(take: Take) -> tuple[list[Fact], list[Put]]:
        id = take(SERIES)
        opened = asked(
            id, project=promotion.plan.project, by=SYSTEM, cause=PROMOTION, promotion=promotion.id, proof=policy.proof,
            only=tables,
        )
        begun: dict[str, Json] = {"backup": id, "tables": len(tables)}
        return [opened, Fact(about=promotion.id, kind="backup.begun", actor=SYSTEM, data=begun)], []

    if entries := ports.journal.open(opens, claim=world.claim):
        ports.wake(entries[0].about)

"""The runbook of one backup: dump, prove, keep; whatever goes wrong, nothing half done counts as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.backups.shelf import every, going, still_needs
from bot.domain.backup import WAIVED, Backup, Dumped, plain
from bot.domain.emergency import PROOF
from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.errors import Interrupted, Refused, StagedoorError
from bot.ports import Backups, Dump
from bot.roles import requesters
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.voters import void
from bot.runbooks.walker import Runbook
from bot.world import World

log = structlog.get_logger(__name__)

SHOW_EVERY = 1.0
"""How often, in seconds, progress is shown."""

AGAIN = "Stagedoor to start again"


def dump(backup: Backup, world: World) -> Outcome:
    """Read production through one snapshot into a file, and count the snapshot's rows. Begun anew after a crash."""
    def work(backups: Backups) -> Outcome:
        made = backups.dump(backup.id, backup.only, _Reporting(world))
        world.note("backup.dumped", {
            "unfinished": made.unfinished, "size": made.size, "sha256": made.sha256, "seconds": made.seconds,
            "tables": made.tables, "rows": world.ports.shelves.keep(made.rows), "server": made.server,
            "left_out": list(made.left_out),
        })
        return Next()

    return _tried(backup, world, "the dump", work)


def proof(backup: Backup, world: World) -> Outcome:
    """Read the dump whole, or restore it, and compare every table's rows with the snapshot's."""
    if _proof_waived(backup, world):
        world.note("backup.proven", {"how": WAIVED, "tables": 0, "rows": 0, "seconds": 0.0})
        return Next(said="its proof was waived")

    def work(backups: Backups) -> Outcome:
        reporting = _Reporting(world, lambda: _proof_waived(backup, world))
        proven = backups.prove(_dump(backup.dumped, world), backup.proof, reporting)
        world.note("backup.proven", {
            "how": proven.how, "tables": proven.tables, "rows": proven.rows, "seconds": proven.seconds,
        })
        return Next()

    return _tried(backup, world, "the proof of its dump", work)


def keep(backup: Backup, world: World) -> Outcome:
    """Give the proven dump its name and its place: only now it counts."""
    def work(backups: Backups) -> Outcome:
        kept = backups.keep(_dump(backup.dumped, world), file_name(backup.id, backup.project, backup.asked_at))
        world.note("backup.kept", {
            "file": kept.file, "address": kept.address, "size": kept.size, "sha256": kept.sha256,
            "encrypted_to": kept.encrypted_to,
        })
        return Next()

    return _tried(backup, world, "keeping its dump", work)


def done(backup: Backup, world: World) -> Outcome:
    """Take away what is past its time, and let the promotion that waits for it go on."""
    _tidy(backup, world)
    _forget_rows(backup, world)
    return Stop(verdict="done", why=backup.summary)


def _tidy(backup: Backup, world: World) -> None:
    """Retention: first journalled, then removed; a removal that was interrupted is made up for at the next time."""
    journal, backups = world.ports.journal, world.project.backups
    assert backups is not None
    before = every(journal, backup.project)
    with_this = tuple(replace(one, verdict="done") if one.id == backup.id else one for one in before)
    gone = going(world.ports, backup.project, with_this)
    if gone:
        facts = [Fact(about=one.id, kind="backup.removed", actor=SYSTEM, data={"by": backup.id}) for one in gone]
        journal.append(facts, claim=world.claim)
    for one in (*gone, *(old for old in before if old.removed_at is not None)):
        if one.kept is not None:
            try:
                backups.remove(one.kept)
            except StagedoorError as trouble:    # the new backup is good all the same
                log.warning("backup.not_removed", backup=one.id, why=str(trouble))


def _forget_rows(backup: Backup, world: World) -> None:
    """Rows that were kept inside production go when daily and weekly dumps of that time have gone, too, and nobody
    has asked for them.
    """
    policy, database = world.policy.backups, world.project.databases.get(Environment.PRODUCTION)
    if database is None:
        return
    wanted = {
        Promotion.of(world.ports.journal.entries(about=record.id)).restores
        for record in world.ports.journal.find(kind="restore", project=backup.project, status=Status.LIVE)
    }
    oldest = world.ports.clock.now() - max(timedelta(days=policy.daily), timedelta(weeks=policy.weekly))
    try:
        for kept in database.kept_rows():
            asked = kept.record in wanted
            done = not asked and (kept.restored or not still_needs(world.ports.journal, kept.record))
            if kept.since < oldest and done:
                world.note("rows.forgotten", {"of": kept.record, "rows": kept.rows, "tables": list(kept.tables)})
                database.forget_rows(kept.record)
    except StagedoorError as trouble:
        log.warning("backup.rows_not_forgotten", why=str(trouble))


def file_name(id: str, project: str, at: datetime) -> str:
    """`BK-3_shop_20261123T020000Z.dump`: it says by itself what it holds."""
    return f"{id}_{plain(project)}_{at:%Y%m%dT%H%M%SZ}.dump"


def leave(world: World) -> None:
    """Whatever does not count goes; whoever waits is woken."""
    backup = Backup.of(world.ports.journal.entries(about=world.record.id))
    if world.project.backups is not None:
        world.project.backups.discard(backup.id)
    if backup.promotion:
        world.ports.wake(backup.promotion)


def _tried(backup: Backup, world: World, what: str, work: Callable[[Backups], Outcome]) -> Outcome:
    backups = world.project.backups
    if backups is None:
        return Stop(verdict="failed", why="this Stagedoor was started without anything that takes backups")
    try:
        return work(backups)
    except Interrupted:
        return Wait(for_=AGAIN, until=world.ports.clock.now())
    except Refused as refused:
        return Stop(verdict="failed", why=f"{backup.id}, {what}: {str(refused).rstrip('.')}")


def _dump(made: Dumped | None, world: World) -> Dump:
    assert made is not None
    return Dump(
        unfinished=made.unfinished, size=made.size, sha256=made.sha256, seconds=made.seconds, server=made.server,
        rows=world.ports.shelves.fetch(made.rows), tables=made.tables, left_out=made.left_out,
    )


def _proof_waived(backup: Backup, world: World) -> bool:
    """Whether a second approver, beside the one who approved it, let an emergency go on without the proof."""
    if not backup.promotion:
        return False
    promotion = Promotion.of(world.ports.journal.entries(about=backup.promotion))
    waiver = promotion.waivers.get(PROOF)
    if promotion.emergency is None or waiver is None or void(waiver.by, requesters(promotion, world.policy), world):
        return False
    return any(voter != waiver.by for voter in promotion.approvals)


class _Reporting:
    """What a long step tells, under this walk's claim; `enough` is asked now and then whether it may end early."""

    def __init__(self, world: World, enough: Callable[[], bool] = lambda: False) -> None:
        self._world = world
        self._enough = enough
        self._shown = 0.0
        self._asked = 0.0

    def progress(self, data: Mapping[str, Json]) -> None:
        now = time.monotonic()
        if now - self._shown >= SHOW_EVERY:
            self._shown = now
            self._world.progress(data)

    def stopping(self) -> bool:
        now = time.monotonic()
        if now - self._asked >= SHOW_EVERY:
            self._asked = now
            if self._enough():
                return True
        return self._world.stopping()


RUNBOOK = Runbook(stages=(dump, proof, keep, done), leave=leave, fold=Backup.of)

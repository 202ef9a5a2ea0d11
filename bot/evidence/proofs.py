"""The way back of a plan's files: tried on staging, kept by version, and found again for exactly those bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from bot.domain.catalog import Snapshot
from bot.domain.migration import Match, Migration
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.risks import Ran
from bot.domain.way_back import Change, Proof, Schema, WayBack
from bot.errors import Refused, Unreachable
from bot.evidence.reviewing import files
from bot.migrations.catalog.showing import PERHAPS
from bot.migrations.history import match
from bot.ports import Put, Shelves
from bot.world import Project

log = structlog.get_logger(__name__)

SHELF = "proofs"
BUSY = "55P03"
"""What a lock that somebody else holds leads to: worth another try."""


def proofs(shelves: Shelves, plan: Plan) -> dict[str, Proof]:
    """The newest try of each of the plan's versions, whichever bytes it was about."""
    docs = {file.version: shelves.get(SHELF, f"{plan.project}:{file.version}") for file in plan.files}
    return {version: Proof.from_json(doc) for version, doc in docs.items() if doc}


def puts(
    plan: Plan, ways: Sequence[WayBack], back: dict[str, Migration], now: datetime, record: str, shelves: Shelves,
) -> list[Put]:
    """The documents that keep what was tried."""
    planned = {file.version: file for file in plan.files}
    found = []
    for way in ways:
        down = back.get(way.version)
        proof = Proof(
            sha256=planned[way.version].sha256, down_sha256=down.sha256 if down else "", at=now, record=record, way=way,
            sql=shelves.keep(way.down.encode()),
        )
        found.append(Put(shelf=SHELF, key=f"{plan.project}:{way.version}", doc=proof.to_json()))
    return found


def rollbacks(plan: Plan, project: Project, shelves: Shelves, now: datetime) -> dict[str, Migration]:
    """The rollback files of the plan's versions. Raises `Unreachable`."""
    folder, _ = files(plan, project, shelves, now)
    versions = {file.version for file in plan.files}
    return {back.version: back for back in folder.rollbacks if back.version in versions}


def prove_staged(
    plan: Plan, project: Project, shelves: Shelves, back: dict[str, Migration], seen: dict[str, Snapshot], attempt: str,
    stopping: Callable[[], bool],
) -> tuple[WayBack, ...]:
    """Try each file of a staging run, whose catalogs were `seen` before each file.

    Raises `Unreachable`, and `Refused` while staging is not free.
    """
    changes = [
        Change(
            version=file.version, label=file.label, up=(shelves.fetch(file.sha256),),
            down=(back[file.version].content,) if file.version in back else None, before=seen.get(file.version),
        )
        for file in plan.files
    ]
    return _tried(changes, project, attempt, stopping)


def prove_later(
    plan: Plan, project: Project, shelves: Shelves, back: dict[str, Migration], seen: dict[str, Snapshot], attempt: str,
    stopping: Callable[[], bool],
) -> tuple[WayBack, ...]:
    """Try a plan that is on staging already, by what was `seen` when it came there.

    Where somebody else staged it, production says what was there before, and the files go back together; what
    staging has beside them is left alone. Raises as `prove_staged`, and `Refused` where it cannot be tried.
    """
    staging, production = project.databases[Environment.STAGING], project.databases[Environment.PRODUCTION]
    tail = staging.history()[-len(plan.files):]
    contents = [shelves.fetch(file.sha256) for file in plan.files]
    same = [
        match(Migration(version=file.version, name=file.name, filename=file.filename, content=content), row)
        for file, content, row in zip(plan.files, contents, tail, strict=False) if row.version == file.version
    ]
    if len(same) != len(plan.files) or any(found is not Match.SAME for found in same):
        raise Refused("staging has other migrations after these, so they cannot be taken back alone")
    if seen:
        return prove_staged(plan, project, shelves, back, seen, attempt, stopping)
    now, before = staging.catalog(), replace(production.catalog(), ids={})
    if now.major != before.major:
        raise Refused(f"production runs PostgreSQL {before.major}, staging {now.major}: they spell catalogs otherwise")
    down = tuple(back[file.version].content for file in reversed(plan.files) if file.version in back)
    change = Change(
        version=plan.files[-1].version, label=plan.files[-1].label, up=tuple(contents), before=before,
        down=down if len(down) == len(plan.files) else None,
    )
    [way] = _tried([change], project, attempt, stopping)
    if way.strays and not way.proven:
        [way] = _tried([replace(change, before=before.taking(way.strays, now))], project, attempt, stopping)
    together = ("tried together with the other files of the plan",) if len(plan.files) > 1 else ()
    return tuple(replace(way, version=file.version, said=(*together, *way.said)) for file in plan.files)


def with_unread(
    plan: Plan, ways: Sequence[WayBack], ran: Mapping[str, Sequence[Ran]],
) -> tuple[WayBack, ...]:
    """The verdicts with what nobody could read in the files: what it did to rows when it `ran`, by version."""
    return tuple(_with_unread(way, file, ran) for way in ways for file in plan.files if file.version == way.version)


def _with_unread(way: WayBack, file: PlannedFile, ran: Mapping[str, Sequence[Ran]]) -> WayBack:
    if not file.unread:
        return way
    shown = ran.get(file.version, ())
    stays = [text for each in shown for text in each.stays] if shown else [PERHAPS]
    lost = [text for each in shown for text in each.lost]
    return replace(
        way, lost=tuple(dict.fromkeys((*way.lost, *lost))), stays=tuple(dict.fromkeys((*way.stays, *stays))),
    )


def _tried(
    changes: list[Change], project: Project, attempt: str, stopping: Callable[[], bool],
) -> tuple[WayBack, ...]:
    policy = project.policy.apply
    try:
        return project.databases[Environment.STAGING].prove(
            changes, attempt=attempt, lock_timeout=policy.lock_timeout.total_seconds(),
            statement_timeout=policy.statement_timeout.total_seconds(), stopping=stopping,
        )
    except (Refused, Unreachable):
        raise
    except Exception:
        # A catalog that Stagedoor cannot read or draft for must not hold up the run: it is a verdict like others.
        log.exception("proof.fault", attempt=attempt)
        said = ("a fault inside Stagedoor; its log has the details.",)
        return tuple(
            WayBack(version=change.version, schema=Schema.UNKNOWN, source="draft", down="", said=said)
            for change in changes
        )

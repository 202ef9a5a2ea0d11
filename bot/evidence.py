"""Gathers evidence: reads the files and both histories, compares them, and judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from bot.domain.entry import Json
from bot.domain.evidence import Evidence, Row, Staged, Tick
from bot.domain.migration import Applied, Folder, Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.gates.pull_request import TITLE as PULL_REQUEST
from bot.migrations.history import match
from bot.migrations.transaction import obstacle
from bot.ports import Put, Shelves
from bot.world import Project

Read = TypeVar("Read")


def gather(
    plan: Plan,
    project: Project,
    shelves: Shelves,
    now: datetime,
    *,
    ticks: Mapping[str, Tick],
    applied: tuple[str, ...],
) -> Evidence:
    """Everything the gates may look at, read once. What cannot be read is None, with the reason in `unread`."""
    unread: dict[str, str] = {}
    folder = _tried(unread, "files", project.migrations.read)
    target = _tried(unread, "target", project.databases[plan.environment].history)
    staging = target
    if plan.environment is not Environment.STAGING:
        staging = _tried(unread, "staging", project.databases[Environment.STAGING].history)
    contents = {file.version: shelves.fetch(file.sha256) for file in plan.files}
    return Evidence(
        plan=plan,
        gathered=now,
        local={m.version: m.sha256 for m in folder.migrations} if folder else None,
        target=rows(target, folder),
        staging=rows(staging, folder),
        unread=unread,
        staged=staged(shelves, plan),
        ticks=ticks,
        manual=tuple(project.policy.gates.manual),
        applied=applied,
        obstacles={version: why for version, content in contents.items() if (why := obstacle(content))},
        expires=project.policy.gates.evidence_expires,
    )


def rows(history: tuple[Applied, ...] | None, folder: Folder | None) -> tuple[Row, ...] | None:
    """Each row of a history beside its local file; None when either could not be read."""
    if history is None or folder is None:
        return None
    local: dict[str, Migration] = {migration.version: migration for migration in folder.migrations}
    return tuple(
        Row(
            version=applied.version,
            name=applied.name,
            match=match(local[applied.version], applied) if applied.version in local else None,
        )
        for applied in history
    )


def manual_labels(project: Project) -> tuple[str, ...]:
    """Every line that a person has to tick before a promotion."""
    skipped = "pull_request" in project.policy.gates.skip
    return (*(() if skipped else (PULL_REQUEST,)), *project.policy.gates.manual)


def staged(shelves: Shelves, plan: Plan) -> dict[str, Staged]:
    """Stagedoor's own staging runs of the plan's versions."""
    found: dict[str, Staged] = {}
    for file in plan.files:
        doc = shelves.get("staged", f"{plan.project}:{file.version}")
        if doc is not None:
            seconds = doc["seconds"]
            found[file.version] = Staged(
                sha256=str(doc["sha256"]),
                at=datetime.fromisoformat(str(doc["at"])),
                record=str(doc["record"]),
                seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
            )
    return found


def staged_put(project: str, version: str, run: Staged) -> Put:
    """The document that says that Stagedoor ran these bytes on staging and verified them."""
    doc: dict[str, Json] = {
        "sha256": run.sha256, "at": run.at.isoformat(), "record": run.record, "seconds": run.seconds,
    }
    return Put(shelf="staged", key=f"{project}:{version}", doc=doc)


def _tried(unread: dict[str, str], what: str, read: Callable[[], Read]) -> Read | None:
    try:
        return read()
    except StagedoorError as trouble:
        unread[what] = str(trouble)
        return None

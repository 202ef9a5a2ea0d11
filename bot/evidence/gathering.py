"""Gathers evidence: reads the files and both histories, compares them, and judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from bot.domain.evidence import Ahead, Asserted, Evidence, Row, Staged, Tick, Waiver
from bot.domain.migration import Applied, Folder, Match, Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.domain.review import blob_hash
from bot.domain.visit import Visit
from bot.errors import StagedoorError
from bot.evidence.baseline import accepted
from bot.evidence.drift import drifted
from bot.evidence.linting import reported
from bot.evidence.looking import look
from bot.evidence.proofs import proofs
from bot.evidence.reviewing import files, reviews
from bot.evidence.safekeeping import backing, holds
from bot.gates import drift as drift_gate
from bot.gates.pull_request import TITLE as PULL_REQUEST
from bot.migrations.history import match
from bot.migrations.transaction import alone_in, obstacle
from bot.ports import Put, Shelves
from bot.reporting.assertions import asserted
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
    waivers: Mapping[str, Waiver] | None = None,
    ahead: Ahead | None = None,
    unproven: str = "",
) -> Evidence:
    """Everything the gates may look at, read once. What cannot be read is None, with the reason in `unread`."""
    unread: dict[str, str] = {"proof": unproven} if unproven else {}
    read = _tried(unread, "files", lambda: files(plan, project, shelves, now))
    folder, files_as_of = read or (None, None)
    said, promoted = None, plan.environment is not Environment.STAGING
    looked = look(project.databases if promoted else {})
    target = _tried(unread, "target", lambda: (
        looked.at(plan.environment).history if promoted else project.databases[plan.environment].history()
    ))
    staging = target
    if promoted:
        said = _tried(unread, "reviews", lambda: reviews(plan, project, shelves, now))
        staging = _tried(unread, "staging", lambda: looked.at(Environment.STAGING).history)
    drift, lint, tests, tried = None, None, tuple[Asserted, ...](), proofs(shelves, plan)
    if promoted:
        tests = asserted(shelves, plan.project, project.databases)
        held, backs = holds(project.policy.backups), folder.rollbacks if folder else ()
        lint = reported(plan, lambda: looked.at(plan.environment), shelves, now, held, backs)
        if drift_gate.NAME not in project.policy.gates.skip:
            drift = _tried(unread, "drift", lambda: drifted(project.name, looked, shelves, plan))
    contents = {file.version: shelves.fetch(file.sha256) for file in plan.files}
    obstacles = {version: why for version, content in contents.items() if (why := obstacle(content))}
    fit = {version: content for version, content in contents.items() if version not in obstacles}
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
        ahead=ahead,
        obstacles=obstacles,
        alone={version: single.about for version, content in fit.items() if (single := alone_in(content))},
        expires=project.policy.gates.evidence_expires,
        elsewhere=elsewhere(shelves, plan, target),
        files_as_of=files_as_of,
        blobs={version: blob_hash(content) for version, content in contents.items()},
        code_host=project.reviewed,
        reviews=said,
        waivers=waivers or {},
        accepted=accepted(shelves, plan.project),
        lint=lint, asserted=tests,
        drift=drift,
        pages=pages(shelves, plan, project),
        proofs=tried,
        backup=backing(plan, [lost for proof in tried.values() for lost in proof.way.lost], project, shelves, now),
        rollbacks={back.version: back.sha256 for back in folder.rollbacks} if folder else {},
    )


def in_history(plan: Plan, history: Iterable[Applied], shelves: Shelves) -> dict[str, Match]:
    """How the rows of the plan's versions compare with the planned bytes."""
    planned = {file.version: file for file in plan.files}
    found: dict[str, Match] = {}
    for row in history:
        if file := planned.get(row.version):
            content = shelves.fetch(file.sha256)
            found[row.version] = match(
                Migration(version=file.version, name=file.name, filename=file.filename, content=content), row
            )
    return found


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
    skipped = project.reviewed or "pull_request" in project.policy.gates.skip
    return (*(() if skipped else (PULL_REQUEST,)), *project.policy.gates.manual)


def elsewhere(shelves: Shelves, plan: Plan, history: tuple[Applied, ...] | None) -> frozenset[str]:
    """Staging's versions that Stagedoor put there from pull requests: others stage theirs beside them."""
    if plan.environment is not Environment.STAGING:
        return frozenset()
    docs = {row.version: shelves.get("staged", f"{plan.project}:{row.version}") for row in history or ()}
    return frozenset(version for version, doc in docs.items() if doc and doc.get("pull"))


def staged(shelves: Shelves, plan: Plan) -> dict[str, Staged]:
    """Stagedoor's own staging runs of the plan's versions."""
    docs = {file.version: shelves.get("staged", f"{plan.project}:{file.version}") for file in plan.files}
    return {version: Staged.from_json(doc) for version, doc in docs.items() if doc}


def pages(shelves: Shelves, plan: Plan, project: Project) -> tuple[Visit, ...]:
    """The pages as they were seen after the newest staging run, where that staged just these bytes."""
    runs = staged(shelves, plan)
    if not plan.files or any(file.version not in runs or runs[file.version].sha256 != file.sha256
                             for file in plan.files):
        return ()
    newest = max(runs.values(), key=lambda run: run.at)
    doc = shelves.get("pages", f"{plan.project}:{newest.record}")
    visits = doc["visits"] if doc else []
    seen = [Visit.from_json(visit) for visit in visits if isinstance(visit, dict)] if isinstance(visits, list) else []
    wanted = set(project.policy.frontend.staging)
    return tuple(visit for visit in seen if visit.url in wanted)


def staged_put(project: str, version: str, run: Staged, pull: int = 0) -> Put:
    """The document that says that Stagedoor ran these bytes on staging and verified them."""
    return Put(shelf="staged", key=f"{project}:{version}", doc={**run.to_json(), "pull": pull})


def _tried(unread: dict[str, str], what: str, read: Callable[[], Read]) -> Read | None:
    try:
        return read()
    except StagedoorError as trouble:
        unread[what] = str(trouble)
        return None

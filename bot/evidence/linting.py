"""What the checks say of files that Stagedoor holds: kept by their bytes, weighed by the database they are for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from bot.domain.finding import Report
from bot.domain.migration import Folder, Migration
from bot.domain.moment import Moment
from bot.domain.pending import Pending
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.domain.risks import Risks
from bot.errors import StagedoorError
from bot.migrations import risk
from bot.migrations.checker import checker_version
from bot.migrations.checking import Ground, analyse, judge
from bot.migrations.checking import risks as risks_of
from bot.migrations.grounded import ASKS
from bot.migrations.lint.rollback_file import with_back
from bot.migrations.sql.rule import Analysis
from bot.migrations.sql.wire import from_json, to_json
from bot.ports import Put, Shelves
from bot.world import Project

Target = Callable[[], Moment]
"""Looks at the database that files are for, or hands out what was seen of it. Raises `Unreachable`."""

SHELF = "lint"
AGAIN = timedelta(minutes=10)
"""After which a file that could not be analysed is tried once more: perhaps the machine was only busy."""


def reported(
    plan: Plan, target: Target, shelves: Shelves, now: datetime, held: str = "", backs: Sequence[Migration] = (),
) -> Report:
    """The report over a plan's files and their rollback files.

    Where the target does not answer, each finding keeps its own level. `held` says what will hold the data that they
    destroy.
    """
    files = [
        Migration(version=file.version, name=file.name, filename=file.filename, content=shelves.fetch(file.sha256))
        for file in plan.files
    ]
    analyses = looked_at(files, shelves, now)
    return _with_backs(judge(analyses, _ground(analyses, target, held)[0]), files, analyses, backs, shelves, now)


def pending(
    project: Project, folder: Folder, chosen: Sequence[Migration], shelves: Shelves, now: datetime, held: str = "",
) -> Pending:
    """The report over these files, or over all that production lacks. Raises `Unreachable` when it has to know that."""
    target, files = cache(project.databases[Environment.PRODUCTION].moment), list(chosen)
    if not chosen:
        applied = {row.version for row in target().history}
        files = [file for file in folder.migrations if file.version not in applied]
    analyses = looked_at(files, shelves, now)
    ground, unread = _ground(analyses, target, held)
    opened = risks(files, shelves, now, target)
    return Pending(
        files=tuple((file.filename, opened[file.version].all) for file in files), unread=unread,
        report=_with_backs(judge(analyses, ground), files, analyses, folder.rollbacks, shelves, now),
    )


def risks(
    files: Sequence[Migration], shelves: Shelves, now: datetime, target: Target | None = None,
) -> dict[str, Risks]:
    """What each file destroys or opens, by version. What could not be analysed counts, and is read by its words too."""
    analyses = looked_at(files, shelves, now)
    findings = judge(analyses, _ground(analyses, target, "")[0] if target else None).findings
    found = {}
    for file, one in zip(files, analyses, strict=True):
        own = risks_of([finding for finding in findings if finding.file == one.file])
        found[file.version] = own if one.analysed else own._replace(known=(*own.known, *risk.risks(file.content)))
    return found


def looked_at(files: Sequence[Migration], shelves: Shelves, now: datetime) -> list[Analysis]:
    """The analysis of each file, from the shelf where the same checker has read the same bytes before."""
    keys = [f"{file.sha256}:{file.filename}" for file in files]
    held = [_held(key, shelves, now) for key in keys]
    missing = [file for file, analysis in zip(files, held, strict=True) if analysis is None]
    made = iter(analyse([(file.filename, file.content) for file in missing]) if missing else ())
    found, puts = [], []
    for key, analysis in zip(keys, held, strict=True):
        if analysis is None:
            analysis = next(made)
            doc = {**to_json(analysis), "checker": checker_version(), "at": now.isoformat()}
            puts.append(Put(shelf=SHELF, key=key, doc=doc))
        found.append(analysis)
    if puts:
        shelves.put(puts)
    return found


def _with_backs(
    report: Report, files: Sequence[Migration], analyses: Sequence[Analysis], backs: Sequence[Migration],
    shelves: Shelves, now: datetime,
) -> Report:
    """The report with what is to be said of the files' ways back."""
    own = {back.version: replace(back, filename=f"rollbacks/{back.filename}") for back in backs}
    pairs = [(one, own[file.version]) for file, one in zip(files, analyses, strict=True) if file.version in own]
    if not pairs:
        return report
    read = looked_at([back for _, back in pairs], shelves, now)
    found = [
        finding for (one, back), seen in zip(pairs, read, strict=True)
        for finding in with_back(one, seen, back.content.decode("utf-8", "replace"))
    ]
    return replace(report, findings=(*report.findings, *found))


def _held(key: str, shelves: Shelves, now: datetime) -> Analysis | None:
    doc = shelves.get(SHELF, key)
    if doc is None or doc.get("checker") != checker_version():
        return None
    analysis = from_json(doc)
    stale = not analysis.analysed and now - datetime.fromisoformat(str(doc["at"])) > AGAIN
    return None if stale else analysis


def _ground(analyses: Sequence[Analysis], target: Target, held: str) -> tuple[Ground, str]:
    """What the target holds, asked only where something depends on it; and why it could not be read."""
    weighs = any(finding.weighs for one in analyses for finding in one.findings)
    asks = any(fact.kind in ASKS for one in analyses for fact in one.facts)
    if not (weighs or asks):
        return Ground(held=held), ""
    try:
        seen = target()
    except StagedoorError as trouble:
        return Ground(held=held), str(trouble)
    catalog, unread = (seen.catalog, seen.unread) if asks else (None, "")
    return Ground(sizes=seen.sizes if weighs else None, catalog=catalog, held=held), unread

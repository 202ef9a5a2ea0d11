"""The state of a project's migrations: local, staging and production side by side."""

from __future__ import annotations

from bot.domain.drift import Stray
from bot.domain.migration import Applied, Folder, Match, Migration
from bot.domain.overview import Cell, Line, Overview
from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.evidence.baseline import accepted
from bot.evidence.drift import drifted, renamed
from bot.evidence.looking import look
from bot.migrations.history import difference, match
from bot.ports import Shelves
from bot.watch.sight import sentences, unseen
from bot.world import Project


def overview(project: Project, shelves: Shelves) -> Overview:
    """Read the folder, both histories and both catalogs, side by side; what cannot be read is said, not left empty.

    Raises `Unreachable` when the migration files cannot be read.
    """
    folder, looked = project.migrations.read(), look(project.databases)
    unread: dict[str, str] = {}
    histories: dict[Environment, dict[str, Applied] | None] = {}
    for environment in Environment:
        try:
            histories[environment] = {row.version: row for row in looked.at(environment).history}
        except StagedoorError as trouble:
            histories[environment], unread[str(environment)] = None, str(trouble)
    drift, strays = None, tuple[Stray, ...]()
    if not unread:
        try:
            drift = drifted(project.name, looked, shelves)
            strays = drift.open(accepted(shelves, project.name))
        except StagedoorError as trouble:
            unread["drift"] = str(trouble)
    return Overview(
        project=project.name,
        lines=_lines(folder, histories[Environment.STAGING], histories[Environment.PRODUCTION]),
        skipped=tuple(f"{skipped.filename}: {skipped.why}" for skipped in folder.skipped),
        unread=unread,
        diffs=_diffs(folder, histories),
        drift=drift,
        strays=strays,
        unwatched=tuple(sentences(unseen(shelves, project.name))),
    )


def _lines(
    folder: Folder, staging: dict[str, Applied] | None, production: dict[str, Applied] | None
) -> tuple[Line, ...]:
    local = {migration.version: migration for migration in folder.migrations}
    versions = sorted({*local, *(staging or {}), *(production or {})})
    return tuple(_line(version, local.get(version), staging, production, folder) for version in versions)


def _line(
    version: str,
    file: Migration | None,
    staging: dict[str, Applied] | None,
    production: dict[str, Applied] | None,
    folder: Folder,
) -> Line:
    on_staging, in_production = _cell(version, file, staging), _cell(version, file, production)
    row = next((rows[version] for rows in (production, staging) if rows and version in rows), None)
    if file is None:
        return _fileless(version, row, on_staging, in_production, folder)
    head = max(production, default="") if production is not None else ""
    edited = Cell.EDITED in (on_staging, in_production)
    return Line(
        version=version,
        name=file.name,
        local=Cell.EDITED if edited else Cell.YES,
        staging=Cell.YES if on_staging is Cell.EDITED else on_staging,
        production=Cell.YES if in_production is Cell.EDITED else in_production,
        remark=_remark(version, on_staging, in_production, head) or _renamed(file, row),
    )


def _fileless(version: str, row: Applied | None, staging: Cell, production: Cell, folder: Folder) -> Line:
    """A version that a database has and the folder has not: its file was renamed, deleted, or never there."""
    other = renamed(folder, row) if row else None
    remark = "missing here: applied without a file in this folder"
    if other:
        remark = f"missing here: {other.filename} holds just this; give it back the version {version}"
    return Line(
        version=version, name=row.name if row else "", local=Cell.NO, staging=staging, production=production,
        remark=remark,
    )


def _renamed(file: Migration, row: Applied | None) -> str:
    """The version decides; another name is no harm, and is said."""
    if row is None or not row.name or row.name == file.name:
        return ""
    return f"renamed: it was applied as {row.name}"


def _cell(version: str, file: Migration | None, history: dict[str, Applied] | None) -> Cell:
    if history is None:
        return Cell.UNKNOWN
    if version not in history:
        return Cell.NO
    return Cell.EDITED if file and match(file, history[version]) is Match.EDITED else Cell.YES


def _remark(version: str, staging: Cell, production: Cell, head: str) -> str:
    if Cell.UNKNOWN in (staging, production):
        return "could not check"
    if Cell.EDITED in (staging, production):
        where = " and ".join(
            name for name, cell in (("staging", staging), ("production", production)) if cell is Cell.EDITED
        )
        return f"edited after it was applied to {where}; difference below"
    if production is Cell.NO and version < head:
        return f"out of order: older than production's {head}; give it a newer version"
    if production is Cell.NO:
        return "ready to promote" if staging is Cell.YES else f"stage it first: /migrate stage {version}"
    return "" if staging is Cell.YES else "in production, not on staging"


def _diffs(folder: Folder, histories: dict[Environment, dict[str, Applied] | None]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for history in histories.values():
        for file in folder.migrations:
            applied = (history or {}).get(file.version)
            if applied and file.filename not in found and match(file, applied) is Match.EDITED:
                found[file.filename] = difference(file, applied)
    return tuple(found.items())

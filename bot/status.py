"""The state of a project's migrations: local, staging and production side by side."""

from __future__ import annotations

from bot.domain.migration import Applied, Folder, Match, Migration
from bot.domain.overview import Cell, Line, Overview
from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.migrations.history import difference, match
from bot.world import Project


def overview(project: Project) -> Overview:
    """Read the folder and both histories and set them side by side; what cannot be read is said, not left empty.

    Raises `Unreachable` when the migration files cannot be read.
    """
    folder = project.migrations.read()
    unread: dict[str, str] = {}
    histories: dict[Environment, dict[str, Applied] | None] = {}
    for environment in Environment:
        try:
            histories[environment] = {row.version: row for row in project.databases[environment].history()}
        except StagedoorError as trouble:
            histories[environment], unread[str(environment)] = None, str(trouble)
    return Overview(
        project=project.name,
        lines=_lines(folder, histories[Environment.STAGING], histories[Environment.PRODUCTION]),
        skipped=tuple(f"{skipped.filename}: {skipped.why}" for skipped in folder.skipped),
        unread=unread,
        diffs=_diffs(folder, histories),
    )


def _lines(
    folder: Folder, staging: dict[str, Applied] | None, production: dict[str, Applied] | None
) -> tuple[Line, ...]:
    local = {migration.version: migration for migration in folder.migrations}
    versions = sorted({*local, *(staging or {}), *(production or {})})
    return tuple(_line(version, local.get(version), staging, production) for version in versions)


def _line(
    version: str,
    file: Migration | None,
    staging: dict[str, Applied] | None,
    production: dict[str, Applied] | None,
) -> Line:
    on_staging, in_production = _cell(version, file, staging), _cell(version, file, production)
    name = (
        file.name
        if file
        else next((rows[version].name for rows in (staging, production) if rows and version in rows), "")
    )
    head = max(production, default="") if production is not None else ""
    edited = Cell.EDITED in (on_staging, in_production)
    return Line(
        version=version,
        name=name,
        local=Cell.EDITED if edited else Cell.YES if file else Cell.NO,
        staging=Cell.YES if on_staging is Cell.EDITED else on_staging,
        production=Cell.YES if in_production is Cell.EDITED else in_production,
        remark=_remark(file, version, on_staging, in_production, head),
    )


def _cell(version: str, file: Migration | None, history: dict[str, Applied] | None) -> Cell:
    if history is None:
        return Cell.UNKNOWN
    if version not in history:
        return Cell.NO
    return Cell.EDITED if file and match(file, history[version]) is Match.EDITED else Cell.YES


def _remark(file: Migration | None, version: str, staging: Cell, production: Cell, head: str) -> str:
    if file is None:
        return "missing here: applied without a file in this folder"
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

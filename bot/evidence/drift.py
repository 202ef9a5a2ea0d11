"""Reads what drift is judged by: both catalogs, both histories, and what Stagedoor's own staging runs changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.catalog import Snapshot
from bot.domain.course import BEGUN
from bot.domain.drift import Drift
from bot.domain.migration import Applied, Folder, Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.errors import Unreachable
from bot.migrations.catalog.drift import Pending, drift
from bot.migrations.history import same
from bot.ports import Database, Shelves
from bot.world import Project

TRIES = 3
"""How often both are read again when a history moved meanwhile: what is just being applied is no drift."""


def drifted(project: Project, shelves: Shelves, plan: Plan | None = None) -> Drift:
    """What production and staging hold otherwise than each other, for no known reason. Raises `Unreachable`."""
    databases = project.databases
    here, staging = _still(databases[Environment.STAGING])
    there, production = _still(databases[Environment.PRODUCTION])
    ours, theirs = ({row.version for row in rows} for rows in (here, there))
    pending = [_ran(project.name, row, shelves, staging) for row in here if row.version not in theirs]
    production = _without_half_built(production, project.name, [row.version for row in here], shelves)
    elsewhere = [Pending(label=_label(row), sql=_sql(row)) for row in there if row.version not in ours]
    planned = "" if plan is None else "\n".join(_text(shelves.fetch(file.sha256)) for file in plan.files)
    return drift(production, staging, pending, elsewhere, planned)


def _without_half_built(production: Snapshot, project: str, versions: Sequence[str], shelves: Shelves) -> Snapshot:
    """The catalog without INVALID indexes that a try of ours at one of these files left: its next try drops them."""
    begun = [shelves.get(BEGUN, f"{project}:{Environment.PRODUCTION}:{version}") for version in versions]
    names = {_bare(str(doc["name"])) for doc in begun if doc and doc["name"]}
    left = {
        key for key, each in production.objects.items()
        if key[0] == "index" and each.get("invalid") and _bare(key[1]) in names
    }
    if not left:
        return production
    return replace(production, objects={key: each for key, each in production.objects.items() if key not in left})


def _bare(name: str) -> str:
    """An index's name without its schema and quotes."""
    return name.rpartition(".")[2].strip('"')


def renamed(folder: Folder, row: Applied) -> Migration | None:
    """The file that holds just what a row without a file of its version applied."""
    if row.statements is None or any(file.version == row.version for file in folder.migrations):
        return None
    return next((file for file in folder.migrations if same(file.content, row)), None)


def _still(database: Database) -> tuple[Sequence[Applied], Snapshot]:
    """A history and the catalog that belongs to it."""
    history = database.history()
    for _ in range(TRIES):
        catalog, after = database.catalog(), database.history()
        if after == history:
            return history, catalog
        history = after
    raise Unreachable("Migrations keep coming in while the catalogs are compared; it is looked at again.")


def _ran(project: str, row: Applied, shelves: Shelves, staging: Snapshot) -> Pending:
    """A migration that only staging has, with the catalogs of Stagedoor's run where it was that very file."""
    doc = shelves.get("staged", f"{project}:{row.version}") or {}
    before, after = (str(doc.get(moment) or "") for moment in ("before", "after"))
    if before and after and same(shelves.fetch(str(doc["sha256"])), row):
        seen = [Snapshot.decoded(shelves.fetch(kept)) for kept in (before, after)]
        if all(one.major == staging.major for one in seen):
            return Pending(label=_label(row), before=seen[0], after=seen[1])
    return Pending(label=_label(row), sql=_sql(row))


def _sql(row: Applied) -> str:
    return ";\n".join(row.statements or ())


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _label(row: Applied) -> str:
    return f"{row.version} {row.name}".rstrip()

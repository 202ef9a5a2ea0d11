"""Judges what drift is: both catalogs, both histories, and what Stagedoor's own staging runs changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.catalog import Snapshot
from bot.domain.course import BEGUN
from bot.domain.drift import Drift
from bot.domain.evidence import Staged
from bot.domain.migration import Applied, Folder, Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.evidence import changes
from bot.evidence.looking import Looked
from bot.migrations.catalog.drift import Pending, drift
from bot.migrations.history import same
from bot.ports import Shelves


def drifted(project: str, looked: Looked, shelves: Shelves, plan: Plan | None = None) -> Drift:
    """What production and staging held otherwise than each other, for no known reason, when they were looked at.

    Raises `Unreachable`.
    """
    here, there = looked.whole(Environment.STAGING), looked.whole(Environment.PRODUCTION)
    assert here.catalog
    assert there.catalog
    ours, theirs = ({row.version for row in moment.history} for moment in (here, there))
    pending = [_ran(project, row, shelves, here.catalog) for row in here.history if row.version not in theirs]
    production = _without_half_built(there.catalog, project, [row.version for row in here.history], shelves)
    elsewhere = [Pending(label=_label(row), sql=_sql(row)) for row in there.history if row.version not in ours]
    planned = "" if plan is None else "\n".join(_text(shelves.fetch(file.sha256)) for file in plan.files)
    return drift(production, here.catalog, pending, elsewhere, planned)


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


def _ran(project: str, row: Applied, shelves: Shelves, staging: Snapshot) -> Pending:
    """A migration that only staging has, with the catalogs of Stagedoor's run where it was that very file."""
    doc = shelves.get("staged", f"{project}:{row.version}")
    run = Staged.from_json(doc) if doc else None
    if run and same(shelves.fetch(run.sha256), row) and (seen := changes.seen(run, shelves)):
        before, after = seen
        if before.major == after.major == staging.major:
            return Pending(label=_label(row), before=before, after=after)
    return Pending(label=_label(row), sql=_sql(row))


def _sql(row: Applied) -> str:
    return ";\n".join(row.statements or ())


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _label(row: Applied) -> str:
    return f"{row.version} {row.name}".rstrip()

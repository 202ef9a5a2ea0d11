"""Restaging: whether what staging ran of a version can be taken back, so that the edited file can take its place."""

from __future__ import annotations

from bot.domain.entry import Json
from bot.domain.migration import Match, Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.errors import Refused
from bot.evidence.gathering import staged
from bot.evidence.proofs import proofs
from bot.migrations.history import match
from bot.ports import Shelves
from bot.world import Project


def restageable(project: Project, shelves: Shelves, plan: Plan) -> dict[str, Json]:
    """What is to be taken back, and by which SQL. Raises `Refused`, with the way on."""
    [file] = plan.files
    if any(row.version == file.version for row in project.databases[Environment.PRODUCTION].history()):
        raise Refused(f"Production has {file.label}, so its file stays as it is. Make a new migration.")
    history = project.databases[Environment.STAGING].history()
    row = next((row for row in history if row.version == file.version), None)
    if row is None:
        raise Refused(f"{file.label} is not on staging. `/migrate stage {file.version}` puts it there.")
    if row.version != history[-1].version:
        raise Refused(
            f"{history[-1].version} came to staging after {file.label}. Restage that first, or make a new migration."
        )
    run, proof = staged(shelves, plan).get(file.version), proofs(shelves, plan).get(file.version)
    if run and run.sha256 == file.sha256:
        raise Refused(f"Staging ran exactly this file as {file.label}. There is nothing to do.")
    if run is None or proof is None or proof.sha256 != run.sha256 or not proof.way.proven:
        raise Refused(
            f"No way back from what staging ran as {file.label} was proven, so it is not taken back. "
            "Make a new migration that mends it."
        )
    ran = Migration(version=file.version, name=file.name, filename=file.filename, content=shelves.fetch(run.sha256))
    if match(ran, row) is Match.EDITED:
        raise Refused(f"Staging's history holds other statements for {file.label} than Stagedoor put there.")
    return {"version": file.version, "sha256": run.sha256, "sql": proof.sql, "before": run.before}

"""Baselines: how a project's files and histories differ today, and which of that a person accepted for good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.baseline import Difference, Kind
from bot.domain.migration import Applied, Folder, Match
from bot.domain.project import Environment
from bot.evidence.drift import drifted
from bot.evidence.looking import look
from bot.migrations.history import match
from bot.ports import Put, Shelves
from bot.world import Project

SHELF = "baseline"


def differences(project: Project, shelves: Shelves) -> tuple[Difference, ...]:
    """What does not fit today, in both environments. Raises `Unreachable` when something cannot be read."""
    folder, looked = project.migrations.read(), look(project.databases)
    return (
        *(each for where in Environment for each in _of(looked.at(where).history, folder, where)),
        *(stray.difference for stray in drifted(project.name, looked, shelves).held),
    )


def _of(history: Iterable[Applied], folder: Folder, environment: Environment) -> Iterator[Difference]:
    local = {migration.version: migration for migration in folder.migrations}
    applied = {row.version: row for row in history}
    for version, row in sorted(applied.items()):
        file = local.get(version)
        if file is None:
            yield Difference(kind=Kind.MISSING, environment=environment, version=version)
        elif (found := match(file, row)) is not Match.SAME:
            kind = Kind.EDITED if found is Match.EDITED else Kind.UNKNOWN
            yield Difference(kind=kind, environment=environment, version=version, sha256=file.sha256)
    head = max(applied, default="")
    for version, file in local.items():
        if version not in applied and version < head:
            yield Difference(kind=Kind.NEVER, environment=environment, version=version, sha256=file.sha256)


def accepted(shelves: Shelves, project: str) -> frozenset[Difference]:
    """What was accepted for this project, by whichever baseline."""
    doc = shelves.get(SHELF, project)
    texts = doc["accepted"] if doc else []
    return frozenset(Difference.parse(str(text)) for text in texts) if isinstance(texts, list) else frozenset()


def accept(shelves: Shelves, project: str, new: tuple[Difference, ...], record: str) -> Put:
    """The document that keeps what is accepted from now on."""
    every = sorted(str(difference) for difference in {*accepted(shelves, project), *new})
    return Put(shelf=SHELF, key=project, doc={"accepted": list(every), "record": record})

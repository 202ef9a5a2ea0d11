"""What is read for a plan from the code host: its files and its pull requests.

What was read is kept, and still counts while the code host is silent, together with the time when it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.entry import Json
from bot.domain.migration import Folder
from bot.domain.plan import Plan
from bot.domain.review import Origin, Reviews
from bot.errors import Unreachable
from bot.migrations.files import folder
from bot.migrations.remote import proposed
from bot.ports import Put, Shelves
from bot.world import Project

FOLDERS, REVIEWS = "folders", "reviews"


def files(plan: Plan, project: Project, shelves: Shelves, now: datetime) -> tuple[Folder, datetime | None]:
    """The folder that a plan belongs to; with a time, it is the one that was read then.

    Raises `Unreachable` when there is neither an answer nor anything that still counts.
    """
    try:
        read = _folder(plan, project)
    except Unreachable:
        doc = _held(FOLDERS, plan, project, shelves, now)
        if doc is None:
            raise
        kept = doc["files"]
        return replace(_kept(kept, shelves), rollbacks=_kept(doc.get("rollbacks", {}), shelves).migrations), _time(doc)
    if read.source:
        _keep_folder(plan, read, shelves, now)
    return read, None


def reviews(plan: Plan, project: Project, shelves: Shelves, now: datetime) -> Reviews | None:
    """What is said of the plan's pull requests; None where no code host is configured for that. Raises as `files`."""
    if not project.reviewed:
        return None
    try:
        asked = _ask(plan, project)
    except Unreachable:
        doc = _held(REVIEWS, plan, project, shelves, now)
        if doc is None:
            raise
        said = doc["said"]
        assert isinstance(said, dict)
        return Reviews.from_json(said, _time(doc))
    _keep(REVIEWS, plan, {"said": asked.to_json()}, shelves, now)
    return asked


def _folder(plan: Plan, project: Project) -> Folder:
    if plan.source and plan.source.pull and project.host:
        return proposed(project.host, project.directory, plan.source.pull).folder
    return project.migrations.read()


def _ask(plan: Plan, project: Project) -> Reviews:
    assert project.host is not None
    host, directory = project.host, project.directory
    origins: dict[str, Origin] = {}
    for file in plan.files:
        if plan.source and plan.source.pull:
            origins[file.version] = Origin(commit=plan.source.commit, pull=plan.source.pull)
        elif origin := host.origin(f"{directory}/{file.filename}"):
            origins[file.version] = origin
    numbers = sorted({origin.pull for origin in origins.values() if origin.pull})
    return Reviews(
        origins=origins, pulls={number: host.reviewed(number, directory) for number in numbers}, branch=host.branch(),
    )


def _keep_folder(plan: Plan, read: Folder, shelves: Shelves, now: datetime) -> None:
    contents: dict[str, Json] = {migration.filename: migration.sha256 for migration in read.migrations}
    back: dict[str, Json] = {migration.filename: migration.sha256 for migration in read.rollbacks}
    before = shelves.get(FOLDERS, _key(plan))
    if before is None or before["files"] != contents or before.get("rollbacks") != back:
        for migration in (*read.migrations, *read.rollbacks):
            shelves.keep(migration.content)
    _keep(FOLDERS, plan, {"files": contents, "rollbacks": back}, shelves, now)


def _kept(names: Json, shelves: Shelves) -> Folder:
    contents = names if isinstance(names, dict) else {}
    return folder([(name, shelves.fetch(str(sha256))) for name, sha256 in contents.items()])


def _keep(shelf: str, plan: Plan, doc: dict[str, Json], shelves: Shelves, now: datetime) -> None:
    shelves.put([Put(shelf=shelf, key=_key(plan), doc={**doc, "at": now.isoformat()})])


def _held(shelf: str, plan: Plan, project: Project, shelves: Shelves, now: datetime) -> Mapping[str, Json] | None:
    """What was read for this very plan, as long as evidence counts."""
    doc = shelves.get(shelf, _key(plan))
    if doc is None or now - _time(doc) > project.policy.gates.evidence_expires:
        return None
    return doc


def _time(doc: Mapping[str, Json]) -> datetime:
    return datetime.fromisoformat(str(doc["at"]))


def _key(plan: Plan) -> str:
    """The plan and where it is from: the same bytes may be asked for by a branch and by a pull request."""
    return f"{plan.digest}:{plan.source.pull if plan.source else 0}"

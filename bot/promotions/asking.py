"""What a request for staging or production names: versions, a pull request, an operator's word for a fork."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bot.domain.migration import Folder
from bot.domain.project import Environment
from bot.errors import Refused, Unknown
from bot.migrations.remote import proposed
from bot.world import Project

FORK = "--fork"
VERBS = {Environment.STAGING: "stage", Environment.PRODUCTION: "promote"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The words of a request, sorted. Without versions everything that is pending is meant."""

    versions: tuple[str, ...] = ()
    pull: int = 0
    fork: bool = False

    @property
    def where(self) -> str:
        return f"#{self.pull}" if self.pull else "the folder"


def wanted(words: tuple[str, ...]) -> Wanted:
    """Sort the words. Raises `Refused` for two pull requests, `Unknown` for an option that there is not."""
    pulls = {int(word[1:]) for word in words if re.fullmatch(r"#[1-9][0-9]{0,9}", word)}
    if len(pulls) > 1:
        raise Refused("One pull request at a time: each is approved and judged by itself.")
    if options := [word for word in words if word.startswith("--") and word != FORK]:
        raise Unknown(f"There is no option {options[0]} here. /migrate help says what there is.")
    versions = tuple(word for word in words if word != FORK and not re.fullmatch(r"#[1-9][0-9]{0,9}", word))
    return Wanted(versions=versions, pull=max(pulls, default=0), fork=FORK in words)


def read(project: Project, asked: Wanted, environment: Environment) -> tuple[Folder, Folder]:
    """The whole folder, and the part of it that is asked for: with a pull request, what that one brings."""
    if not asked.pull:
        folder = project.migrations.read()
        return folder, folder
    if project.host is None:
        raise Unknown(f"Stagedoor does not know where #{asked.pull} is: set GITHUB_REPOSITORY and GITHUB_TOKEN.")
    found = proposed(project.host, project.directory, asked.pull)
    if found.pull.fork and not asked.fork:
        raise Refused(
            f"#{asked.pull} comes from a fork, so its SQL may be anybody's. "
            f"An operator who has read it types /migrate {VERBS[environment]} #{asked.pull} {FORK}"
        )
    if unfit := [f"{file.filename}: {file.why}" for file in found.folder.skipped if file.filename in found.brings]:
        raise Refused(f"Not every file of #{asked.pull} can be taken. {'; '.join(unfit)}")
    own = tuple(file for file in found.folder.migrations if file.filename in found.brings)
    return found.folder, replace(found.folder, migrations=own)

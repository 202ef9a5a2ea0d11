"""Looks at a project's databases side by side: one connection each, at the same time, and within a limit."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.domain.moment import Moment
from bot.domain.project import Environment
from bot.errors import StagedoorError, Unreachable
from bot.ports import Database


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Both databases as they were seen; in place of one that could not be, why."""

    seen: Mapping[Environment, Moment | StagedoorError]

    def at(self, environment: Environment) -> Moment:
        """What was seen of one. Raises what came instead."""
        found = self.seen[environment]
        if isinstance(found, StagedoorError):
            raise found
        return found

    def whole(self, environment: Environment) -> Moment:
        """The same, with its catalog for certain. Raises `Unreachable` for one that could not be read."""
        found = self.at(environment)
        if found.catalog is None:
            raise Unreachable(found.unread)
        return found


def look(databases: Mapping[Environment, Database]) -> Looked:
    """Look at each of these databases now."""
    with ThreadPoolExecutor(len(databases) or 1, "look") as at_once:
        found = at_once.map(_moment, databases.values())
        return Looked(seen=dict(zip(databases, found, strict=True)))


def _moment(database: Database) -> Moment | StagedoorError:
    try:
        return database.moment()
    except StagedoorError as trouble:
        return trouble

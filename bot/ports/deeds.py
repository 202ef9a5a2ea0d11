"""The ports of what acts outside of the database: flags and deployments, and who wakes somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.entry import Json


class Pager(Protocol):
    """Who wakes somebody. Every verb may be said twice with the same key: it counts once. All raise `Unreachable`."""

    def trigger(self, key: str, summary: str, details: Mapping[str, Json]) -> None: ...

    def acknowledge(self, key: str, by: str) -> None: ...

    def resolve(self, key: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What came of turning a flag or of taking a code deployment back, in the words of the other side.

    `state`: in_force (since `in_force_at`), following (ask again with `follows`), accepted (nobody here can see when it
    acts), manual (a person takes the `steps`), failed, or unknown (it may have acted; nobody can say).
    """

    state: str
    answer: str
    in_force_at: datetime | None = None
    before: str = ""
    way_back: str = ""
    steps: tuple[str, ...] = ()
    follows: Mapping[str, Json] = field(default_factory=dict)


class Levers(Protocol):
    """What can be turned outside of the database to stop the bleeding. Nothing here raises: the answer says it."""

    def turn(self, flag: str, to: str, attempt: str, *, again: bool) -> Turned:
        """Give a flag of the policy this value. `again`: an earlier try of the same attempt may have acted."""
        ...

    def revert(self, attempt: str, *, again: bool) -> Turned:
        """Take the newest code deployment back, or, with the way back of an earlier attempt, put it in place again."""
        ...

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        """How far what was begun is."""
        ...

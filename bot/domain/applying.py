"""How the files of a promotion go in: what is in, what is being tried, and why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from bot.domain.entry import Entry, Json
from bot.domain.values import integer, texts


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A file that is in: since when, and how long its transaction took (seconds)."""

    at: datetime
    seconds: float
    statements: int
    recovered: bool


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A try at one file that was begun; without an outcome it is in doubt and the database decides."""

    id: str
    version: str
    open: bool = True


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a file did not go in. When it is not `clean`, a part of it may be in all the same."""

    version: str
    why: str
    sqlstate: str
    statement: int
    line: int
    clean: bool = True
    blockers: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """What stays half-done, and is seen to first by the next try."""
    again: bool = True
    """Whether it was to be tried once more."""


@dataclass(frozen=True, kw_only=True)
class Applying:
    """Part of a promotion: what its apply noted."""

    attempt: Attempt | None = None
    committed: Mapping[str, Committed] = field(default_factory=dict)
    failure: Failure | None = None
    retries: int = 0
    leftovers: tuple[str, ...] | None = None
    seen: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """What each file locked and changed, by version, as its transaction saw it."""
    keeps: bool = False
    """Whether rows were kept inside production, of what it destroyed."""
    verified: str = ""
    restoring: bool = False
    """True from the attempt to put rows back until it is known what became of it."""

    @property
    def changed_something(self) -> bool:
        return bool(self.committed)

    @property
    def may_have_changed(self) -> bool:
        """True when nobody can say what the last failure left behind: somebody has to look at the database."""
        return self.failure is not None and not self.failure.clean

    @property
    def attempting(self) -> bool:
        """True from the attempt at a file until it is known what became of it."""
        return self.attempt is not None and self.attempt.open

    @property
    def began(self) -> bool:
        """True while the database may be changing or has changed; from then on it is too late to cancel."""
        return self.attempting or self.changed_something or self.restoring


A = TypeVar("A", bound=Applying)


def _leftovers(p: A, e: Entry) -> A:
    return replace(p, leftovers=texts(e.data["leftovers"]))


def _attempt(p: A, e: Entry) -> A:
    return replace(p, attempt=Attempt(id=str(e.data["attempt"]), version=str(e.data["version"])), failure=None)


def _committed(p: A, e: Entry) -> A:
    version = str(e.data["version"])
    seconds = e.data["seconds"]
    row = Committed(
        at=e.at,
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
        statements=integer(e.data["statements"]),
        recovered=bool(e.data.get("recovered")),
    )
    seen = e.data.get("seen")
    noted = {**p.seen, version: seen} if isinstance(seen, dict) and seen else p.seen
    return replace(_closed(p), committed={**p.committed, version: row}, seen=noted, failure=None, retries=0)


def _failed(p: A, e: Entry) -> A:
    failure = Failure(
        version=str(e.data["version"]),
        why=str(e.data["why"]),
        sqlstate=str(e.data.get("sqlstate", "")),
        statement=integer(e.data.get("statement", 0)),
        line=integer(e.data.get("line", 0)),
        clean=e.data.get("clean") is not False,
        blockers=texts(e.data.get("blockers", [])),
        left=texts(e.data.get("left", [])),
        again=e.data.get("again") is not False,
    )
    return replace(_closed(p), failure=failure, retries=p.retries + 1)


def _interrupted(p: A, e: Entry) -> A:
    return _closed(p)


def _rows_kept(p: A, e: Entry) -> A:
    return replace(p, keeps=True)


def _verified(p: A, e: Entry) -> A:
    return replace(p, verified=str(e.data["said"]))


def _closed(p: A) -> A:
    return replace(p, attempt=replace(p.attempt, open=False) if p.attempt else None)


class Fold(Protocol):
    """What one kind of entry makes of a promotion."""

    def __call__(self, p: A, e: Entry, /) -> A: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "apply.before": _leftovers,
    "apply.attempt": _attempt,
    "apply.committed": _committed,
    "apply.failed": _failed,
    "apply.interrupted": _interrupted,
    "apply.kept": _rows_kept,
    "verify.seen": _verified,
}

"""The port of applying: one file into one database, and how that tells what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.entry import Json


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a database noted while it worked on an attempt: which file, what happened, how far."""

    kind: str
    data: Mapping[str, Json] = field(default_factory=dict)


class Noting(Protocol):
    """How an apply tells what it does. `note` is journalled before the next statement runs; `progress` is not.

    `progress` comes at each statement, and again now and then while one runs: whoever shows it picks what to show.
    """

    def note(self, kind: str, data: Mapping[str, Json]) -> None: ...

    def progress(self, data: Mapping[str, Json]) -> None: ...

    def stopping(self) -> bool:
        """True once the process was asked to end: begin nothing new."""
        ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file to be put into one database.

    `head` is the version that must be the newest in the history when the lock is held (None: empty history).
    `attempt` names this try in pg_stat_activity (`stagedoor:ATTEMPT`).
    """

    attempt: str
    version: str
    name: str
    content: bytes
    head: str | None
    lock_timeout: float
    statement_timeout: float
    witness: bool = False
    """Whether to look, after each statement, at what it locked and changed."""
    unread: tuple[int, ...] = ()
    """Lines that nobody could read beforehand: a witness looks closely at the statements that hold them."""
    keep: bool = False
    """Whether rows that a statement destroys are copied first, in the same transaction."""
    begun: Mapping[str, Json] = field(default_factory=dict)
    """What an earlier try noted last as `alone`, of a statement that runs outside a transaction."""

    @property
    def label(self) -> str:
        """`VERSION name`, as people write it."""
        return f"{self.version} {self.name}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Done:
    """The file is in, together with its history row. Durations are seconds."""

    seconds: float
    statements: int
    recovered: bool = False
    seen: Mapping[str, Json] = field(default_factory=dict)
    """What a witness saw: locks and rows by table, and what unread statements did; empty where there was none."""
    said: str = ""
    """How it went in, where that was not in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The file is not in. `sqlstate` is empty where the server did not say one.

    `clean` is False when a part of it may be in all the same, without a history row: somebody has to look.
    """

    why: str
    sqlstate: str = ""
    statement: int = 0
    line: int = 0
    sql: str = ""
    retry: bool = False
    clean: bool = True
    blockers: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """What stays half-done, and is seen to first by the next try."""


@dataclass(frozen=True, kw_only=True)
class InDoubt:
    """Nobody can say yet whether the file is in: an earlier backend works on it, or the server is out of reach."""

    why: str


class Applier(Protocol):
    """Puts files into one database, one after the other."""

    def apply(self, job: Job, noting: Noting) -> Done | Failed | InDoubt:
        """Put one file in by the protocol of docs/apply.md; running it again after any crash is safe."""
        ...

"""Readings: what a database itself shows at one moment of how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.entry import Json
from bot.domain.values import integer


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One normalised statement as the server counts it since its counters began; times in milliseconds."""

    text: str
    calls: int
    total: float

    @property
    def mean(self) -> float:
        return self.total / self.calls if self.calls else 0.0


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session that is worth a look: how long it is as it is, and how long its transaction runs (seconds)."""

    pid: int
    user: str
    application: str
    state: str
    seconds: float
    transaction: float
    query: str
    blocked_by: tuple[int, ...] = ()

    @property
    def who(self) -> str:
        named = f" ({self.application})" if self.application else ""
        return f"{self.user or 'somebody'}{named}, pid {self.pid}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run of pg_cron that failed."""

    job: str
    at: datetime
    said: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One database at one moment. `unread` names what could not be looked at, and why: it is never "fine".

    `head` is the newest version of the history (None: empty), `rows` how many there are; `catalog` changes whenever
    the definition of an object of the user's changes. `statements` goes by the server's own id of a statement.
    """

    at: datetime
    head: str | None = None
    rows: int = 0
    catalog: str = ""
    connections: int = 0
    allowed: int = 0
    sessions: tuple[Session, ...] = ()
    statements: Mapping[str, Statement] = field(default_factory=dict)
    failed_jobs: tuple[Job, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def ground(self) -> tuple[str | None, int, str]:
        """What only a migration, or somebody past Stagedoor, changes."""
        return self.head, self.rows, self.catalog


def means(reading: Reading) -> dict[str, Json]:
    """What has to be remembered of a reading's statements, to tell a slower one later: `id: [calls, total]`."""
    return {id: [each.calls, round(each.total, 3)] for id, each in reading.statements.items()}


def counters(means: Mapping[str, Json]) -> dict[str, Statement]:
    """Statements as `means` gave them, without their text."""
    return {
        id: Statement(text="", calls=integer(kept[0]), total=float(str(kept[1])))
        for id, kept in means.items() if isinstance(kept, list) and len(kept) == 2
    }

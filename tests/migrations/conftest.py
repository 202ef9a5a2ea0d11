"""A database of one's own for the migrations' tests, and what an apply tells while it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from bot.domain.entry import Json
from bot.migrations.apply import Patience
from bot.migrations.database import PostgresDatabase
from bot.ports import Done, Failed, InDoubt, Job, Noting
from rehearsal.postgres import Postgres
from tests.postgres import Fresh, fresh_database

BRISK = Patience(lock=0.5, grace=0.2, doubt=5)


@pytest.fixture
def fresh(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as fresh:
        yield fresh


@pytest.fixture
def production(fresh: Fresh) -> PostgresDatabase:
    return PostgresDatabase(fresh.url, "production", BRISK)


class Notes:
    """Remembers what it was told, each thing once; a test may act at a moment, or ask the apply to stop."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, Mapping[str, Json]]] = []
        self.steps: list[Mapping[str, Json]] = []
        self.at_progress: Callable[[Mapping[str, Json]], Any] = lambda data: None
        self.stop = False

    def note(self, kind: str, data: Mapping[str, Json]) -> None:
        self.noted.append((kind, data))

    def progress(self, data: Mapping[str, Json]) -> None:
        if data not in self.steps[-1:]:
            self.steps.append(data)
            self.at_progress(data)

    def stopping(self) -> bool:
        return self.stop


@pytest.fixture
def notes() -> Notes:
    return Notes()


def job(sql: str | bytes, version: str = "20260301000000", head: str | None = None, **changes: Any) -> Job:
    content = sql if isinstance(sql, bytes) else sql.encode()
    wanted = {"attempt": "P-1.1.1", "name": "add", "lock_timeout": 1.0, "statement_timeout": 30.0, **changes}
    return Job(version=version, content=content, head=head, **wanted)


def apply(database: PostgresDatabase, job: Job, noting: Noting) -> Done | Failed | InDoubt:
    """One try at one file, over a session of its own."""
    with database.applier() as applier:
        return applier.apply(job, noting)

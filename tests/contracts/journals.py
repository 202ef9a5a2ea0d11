"""The stores that the journal's contract runs over; a backend joins with one class in BACKENDS."""

from __future__ import annotations

import itertools
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from bot.adapters.postgres_journal import PostgresJournal
from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact
from bot.ports import Clock, Inbox, Journal, Shelves, Tallies
from bot.scrub import Scrubber
from rehearsal.postgres import Postgres

SECRET = "correct-horse/battery"
"""A secret of the settings, known to every journal under test."""


class Store(Journal, Shelves, Inbox, Tallies, Protocol):
    """What every adapter is."""

    def prune(self, before: datetime) -> int: ...

    def rows(self, table: str) -> Iterator[Any]: ...

    def salted(self, entry: str) -> tuple[str, str] | None: ...

    def head(self) -> str: ...

    def close(self) -> None: ...


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> datetime:
        self.time += timedelta(**by)
        return self.time


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Backend:
    """A fresh store, and as many handles on it as are asked for."""

    address: str

    def __init__(self) -> None:
        self.clock, self._opened = HandClock(), list[Store]()

    def open(self, clock: Clock | None = None) -> Store:
        """A handle; a second one on the same store is what another process would have."""
        self._opened.append(opened(self.address, clock or self.clock))
        return self._opened[-1]

    def tamper(self, sql: str) -> None:
        """Do to the store what only somebody with a database tool can do."""
        raise NotImplementedError

    def close(self) -> None:
        for journal in self._opened:
            journal.close()


class SqliteBackend(Backend):
    """A store file in a temporary folder."""

    def __init__(self, folder: Path, server: Callable[[], Postgres]) -> None:
        super().__init__()
        self.path = folder / "var" / "stagedoor.db"
        self.address = f"sqlite:///{self.path}"

    def tamper(self, sql: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            for (trigger,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {trigger}")
            db.execute(sql)


class PostgresBackend(Backend):
    """A database of its own on the session's server."""

    _numbers = itertools.count(1)

    def __init__(self, folder: Path, server: Callable[[], Postgres]) -> None:
        super().__init__()
        self.server, self.name = server(), f"journal{next(self._numbers)}"
        self.address = self.server.create(self.name)

    def tamper(self, sql: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as db:
            db.execute("drop function stagedoor.entries_are_never_changed cascade")
            db.execute("set search_path to stagedoor")
            db.execute(sql.encode())

    def close(self) -> None:
        super().close()
        self.server.drop(self.name)


BACKENDS: dict[str, type[SqliteBackend] | type[PostgresBackend]] = {
    "sqlite": SqliteBackend, "postgres": PostgresBackend,
}

Make = Callable[[str, Path], Backend]


@pytest.fixture(scope="session")
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a backend by its kind; a server is started for the first that needs one."""
    return lambda kind, folder: BACKENDS[kind](folder, lambda: request.getfixturevalue("server"))


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path, make: Make) -> Iterator[Backend]:
    made = make(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def journal(backend: Backend) -> Store:
    return backend.open()


def opened(address: str, clock: Clock) -> Store:
    if address.startswith("sqlite:"):
        return SqliteJournal(Path(address.removeprefix("sqlite:///")), clock, Scrubber([SECRET]))
    return PostgresJournal(address, clock, Scrubber([SECRET]))


def append_for_ever(address: str, name: str) -> None:
    """Run in a process of its own: appends two facts at a time and says the newest entry once it is acknowledged."""
    journal = opened(address, WallClock())
    for number in itertools.count():
        pair = [Fact(about=name, kind=kind, actor="U1", data={"number": number}) for kind in ("first", "second")]
        made = journal.append(pair, key=f"{name}-{number}")
        assert made is not None
        print(made[-1].id, number, flush=True)


if __name__ == "__main__":
    append_for_ever(*sys.argv[1:])

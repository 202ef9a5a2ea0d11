"""A whole store handed over, or taken in, on SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from sqlite3 import Connection

from bot.adapters.links import words_of
from bot.adapters.moving import TABLES, Row
from bot.adapters.sqlite_journal.chain import Chain, entry_of


class Moving(Chain):
    """The store as bare tables."""

    def empty(self) -> bool:
        with self.reading() as db:
            return not any(db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in TABLES)  # noqa: S608  (our own words)

    def rows(self, table: str) -> Iterator[Row]:
        with self.reading() as db:
            yield from _rows(db, table)

    @contextmanager
    def filling(self) -> Iterator[Filling]:
        with self.writing() as db:
            yield Filling(db)


class Filling:
    """The store while it is filled."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def rows(self, table: str) -> Iterator[Row]:
        return _rows(self._db, table)

    def add(self, table: str, rows: Iterable[Row]) -> None:
        columns = TABLES[table]
        places = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  (our own words)
        self._db.executemany(sql, rows)
        if table == "entries":
            entries = (entry_of(dict(zip(columns, row, strict=True))) for row in self.rows("entries"))
            self._db.executemany(
                "INSERT INTO findable (seq, words) VALUES (?, ?)", ((entry.seq, words_of(entry)) for entry in entries),
            )


def _rows(db: Connection, table: str) -> Iterator[Row]:
    columns = TABLES[table]
    yield from db.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]}")  # noqa: S608  (our own words)

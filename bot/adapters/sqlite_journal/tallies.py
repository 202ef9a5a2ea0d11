"""The accounts of sightings on SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from sqlite3 import Connection
from typing import Any

from bot.adapters.sqlite_journal.chain import Chain
from bot.adapters.tallying import Accounts


class Tallying(Chain, Accounts):
    """Folds wait for their turn behind deliveries of Slack's, which are urgent."""

    @contextmanager
    def _counting(self) -> Iterator[Lent]:
        with self.writing() as db:
            yield Lent(db)

    @contextmanager
    def _looking(self) -> Iterator[Lent]:
        with self.reading() as db:
            yield Lent(db)


class Lent:
    """A connection as the accounts speak to it."""

    def __init__(self, db: Connection) -> None:
        self._connection = db

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(respelled(sql), values).fetchall()

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(respelled(sql), rows)

    def keep_marks(self, marks: Sequence[int], hour: int) -> set[int]:
        new = self._connection.execute(
            "INSERT OR IGNORE INTO marks (mark, hour) SELECT value, ? FROM json_each(?) RETURNING mark",
            (hour, json.dumps(marks)),
        )
        return {mark for (mark,) in new.fetchall()}


@cache
def respelled(sql: str) -> str:
    """SQLite's spelling of a statement that was written for Postgres."""
    return sql.replace("stagedoor.", "").replace("%s", "?")

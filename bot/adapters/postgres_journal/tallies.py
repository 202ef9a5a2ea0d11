"""The accounts of sightings on Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg.rows import tuple_row

from bot.adapters.postgres_journal.chain import Chain
from bot.adapters.postgres_journal.schema import Db
from bot.adapters.tallying import Accounts


class Tallying(Chain, Accounts):
    """Folds come one after the other, as appends do, though they leave the head of the chain alone."""

    @contextmanager
    def _counting(self) -> Iterator[Lent]:
        with self.writing_in_turn() as db:
            # Two processes that fold at once would lock accounts in different orders.
            db.execute("select pg_advisory_xact_lock(%s, %s)", FOLD_LOCK)
            yield Lent(db)

    @contextmanager
    def _looking(self) -> Iterator[Lent]:
        with self.reading() as db:
            yield Lent(db)


FOLD_LOCK = (0x53746467, 2)


class Lent:
    """A connection as the accounts speak to it."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._db.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._db.cursor() as cursor:
            cursor.executemany(sql.encode(), rows)

    def keep_marks(self, marks: Sequence[int], hour: int) -> set[int]:
        new = self.rows(
            "insert into stagedoor.marks (mark, hour) select mark, %s from unnest(%s::bigint[]) as m(mark) "
            "on conflict do nothing returning mark", (hour, list(marks)),
        )
        return {mark for (mark,) in new}

"""A whole store handed over, or taken in, on Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from bot.adapters.links import moment, words_of
from bot.adapters.moving import NUMBERED, TABLES, Row
from bot.adapters.postgres_journal import words
from bot.adapters.postgres_journal.chain import ENTRY, PAGE, Chain, entry_of
from bot.adapters.postgres_journal.linking import columns as in_columns
from bot.adapters.postgres_journal.schema import Db
from bot.errors import Refused

AT_ONCE = 50
"""Rows fetched at a time; one of them may hold a whole plan."""


class Moving(Chain):
    """The store as bare tables."""

    def empty(self) -> bool:
        some = " or ".join(f"exists (select from stagedoor.{table})" for table in TABLES)
        with self.reading() as db:
            row = db.execute(f"select not ({some}) as empty".encode()).fetchone()
        return bool(row and row["empty"])

    def rows(self, table: str) -> Iterator[Row]:
        with self.writing() as db:
            yield from _rows(db, table)

    @contextmanager
    def filling(self) -> Iterator[Filling]:
        with self.chaining() as (db, _):
            db.execute("set local statement_timeout = 0")
            yield Filling(db)
            db.execute(
                "update stagedoor.head as h set seq = e.seq, at = e.at, hash = e.hash "
                "from (select * from stagedoor.entries order by seq desc limit 1) as e",
            )
            for table in NUMBERED:
                db.execute(
                    f"select setval(pg_get_serial_sequence('stagedoor.{table}', 'place'), max(place)) "  # noqa: S608  (our own words)
                    f"from stagedoor.{table} having max(place) is not null".encode(),
                )


class Filling:
    """The store while it is filled."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def rows(self, table: str) -> Iterator[Row]:
        return _rows(self._db, table)

    def add(self, table: str, rows: Iterable[Row]) -> None:
        sql = f"copy stagedoor.{table} ({', '.join(TABLES[table])}) from stdin".encode()
        try:
            with self._db.cursor() as cursor, cursor.copy(sql) as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.DataError:
            raise Refused(f"A row of {table} holds a character that Postgres cannot keep (NUL).") from None
        if table == "entries":
            self._index("words", f"select {ENTRY} from stagedoor.entries", lambda row: words_of(entry_of(row)))  # noqa: S608  (our own words)
        if table == "private":
            self._index("private_words", "select seq, text from stagedoor.private", lambda row: str(row["text"]))

    def _index(self, table: str, source: str, text: Any) -> None:
        since = 0
        while True:
            page = self._db.execute(f"{source} where seq > %s order by seq limit {PAGE}".encode(), [since]).fetchall()
            if not page:
                return
            found = [(row["seq"], *part) for row in page for part in words.rows(text(row))]
            self._db.execute(
                f"insert into stagedoor.{table} (seq, part, lexemes) "  # noqa: S608  (our own words)
                "select * from unnest(%s::bigint[], %s::int[], %s::tsvector[])".encode(), in_columns(3, found),
            )
            since = int(page[-1]["seq"])


def _rows(db: Db, table: str) -> Iterator[Row]:
    columns = TABLES[table]
    kept = ", ".join(columns)
    order = columns[0] if columns[0] in ("seq", "opened", "place", "cell", "mark") else f'{columns[0]} collate "C"'
    with db.cursor(name="moving") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(f"select {kept} from stagedoor.{table} order by {order}".encode(), binary=True)  # noqa: S608  (our own words)
        for row in cursor:
            yield tuple(moment(value) if isinstance(value, datetime) else value for value in row.values())

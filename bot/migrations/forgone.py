"""Counts what a rollback would drop, on production: read-only, never long, never long in anybody's way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby

import psycopg
from psycopg import errors, sql

from bot.domain.forgone import Forgone
from bot.migrations.moment import within
from bot.migrations.session import connect
from bot.migrations.trouble import sentence

MOST_ROWS = 5_000_000
"""A larger table is not counted."""

MOST_TABLES = 20
LOCK_TIMEOUT = 0.3
"""Seconds; nobody else waits longer behind us than that."""

_BEGIN = "set default_transaction_read_only to on; set row_security to off; set lock_timeout to {}"

# Of files only: the size of one would wait for whoever has the table to himself.
_ABOUT = """
select coalesce(sum(greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 0)), 0)::bigint
from pg_catalog.pg_class o
left join lateral pg_catalog.pg_partition_tree(o.oid) p on o.relkind = 'p' and p.isleaf
join pg_catalog.pg_class c on c.oid = coalesce(p.relid, o.oid)
where o.oid = pg_catalog.to_regclass(%s)
"""

# A row of the history is written by the very transaction that its file goes in by: what is younger came after it.
_WENT_IN = "(select pg_catalog.age(h.xmin) from supabase_migrations.schema_migrations h where h.version = {})"


def forgone(
    url: str, name: str, gone: Sequence[tuple[str, str]], version: str, seconds: float,
) -> tuple[Forgone, ...]:
    """How many rows lie in these tables and columns, and how many were written since that version, within `seconds`.

    Names are as SQL has them; an empty column stands for the whole table. What cannot be counted says why, with
    about how many rows the catalog knows of. Raises `Unreachable` where nothing can be asked.
    """
    tables = [(table, [column for _, column in found]) for table, found in groupby(sorted(gone), key=lambda g: g[0])]
    until = time.monotonic() + seconds
    found = list[Forgone]()
    with closing(connect(url, name, "stagedoor")) as connection, within(connection, seconds):
        for table, columns in tables[:MOST_TABLES]:
            found += _of_table(connection, table, columns, version, until)
    if left := [table for table, _ in tables[MOST_TABLES:]]:
        found.append(Forgone(what=f"{len(left)} more tables", why=f"only {MOST_TABLES} are counted"))
    return tuple(found)


def _of_table(
    connection: psycopg.Connection, table: str, columns: Sequence[str], version: str, until: float,
) -> Iterator[Forgone]:
    about, why = 0, ""
    try:
        _limit(connection, until)
        about = int((connection.execute(_ABOUT, [table]).fetchone() or (0,))[0])
        if about > MOST_ROWS:
            why = f"it is larger than {MOST_ROWS:,} rows"
        else:
            counts = connection.execute(_question(table, columns, version)).fetchone() or ()
    except errors.LockNotAvailable:
        why = "somebody has it to himself"
    except errors.QueryCanceled:
        why = "that took too long"
    except psycopg.Error as error:
        why = sentence(error.diag.message_primary or "that took too long").rstrip(".")
    for place, column in enumerate(columns):
        what = f"{table}.{column}" if column else table
        if why:
            yield Forgone(what=what.removeprefix("public."), column=bool(column), about=about, why=why)
        else:
            rows, since, known = counts[3 * place: 3 * place + 3]
            yield Forgone(
                what=what.removeprefix("public."), column=bool(column), rows=rows, since=since if known else None,
            )


def _limit(connection: psycopg.Connection, until: float) -> None:
    left = max(1, round((until - time.monotonic()) * 1000))
    connection.execute(
        sql.SQL(_BEGIN + "; set statement_timeout to {}").format(
            sql.Literal(round(LOCK_TIMEOUT * 1000)), sql.Literal(left),
        ),
    )


def _question(table: str, columns: Sequence[str], version: str) -> bytes:
    """One look at the table for all of its columns that go; names come spelt from the catalog."""
    went_in = _WENT_IN.format(sql.Literal(version).as_string())
    counts = [
        f"count({what}), count({what}) filter (where pg_catalog.age(t.xmin) < {went_in}), {went_in} is not null"
        for what in (f"t.{column}" if column else "*" for column in columns)
    ]
    return f"select {', '.join(counts)} from {table} as t".encode()  # noqa: S608  (names are the catalog's own spelling)

"""Reads a database as it is at one moment: one connection, one snapshot, two messages, and a limit to all of it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg

from bot.domain.catalog import Snapshot
from bot.domain.moment import Moment
from bot.errors import Unreachable
from bot.migrations import history
from bot.migrations.catalog.queries import PINNED
from bot.migrations.catalog.reading import ASKED, read
from bot.migrations.catalog.scope import PLATFORM
from bot.migrations.session import connect
from bot.migrations.trouble import sentence

TRIES = 3
"""How often it is read again when the history moved meanwhile: definitions are read as they are, not as of a moment."""

LEFTOVERS = f"""
with mine as (
  select oid, nspname from pg_catalog.pg_namespace
  where nspname not like 'pg\\_%' and nspname <> all ('{{{",".join(PLATFORM)}}}')
    and nspname not like 'timescaledb\\_%' and nspname not like '\\_timescaledb\\_%'
)
select format('Index %I.%I on %I.%I is INVALID: queries do not use it. Drop it and build it again.',
  mine.nspname, i.relname, mine.nspname, t.relname)
from pg_catalog.pg_index x
join pg_catalog.pg_class i on i.oid = x.indexrelid
join pg_catalog.pg_class t on t.oid = x.indrelid
join mine on mine.oid = t.relnamespace
where not x.indisvalid
union all
select format('Constraint %I on %s is NOT VALID: older rows were never checked. Validate it.',
  c.conname, coalesce(format('%I.%I', mine.nspname, t.relname), format('domain %I.%I', mine.nspname, d.typname)))
from pg_catalog.pg_constraint c
join mine on mine.oid = c.connamespace
left join pg_catalog.pg_class t on t.oid = c.conrelid
left join pg_catalog.pg_type d on d.oid = c.contypid
where not c.convalidated and coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
order by 1
"""  # noqa: S608  (our own words)

# A row takes at least 36 bytes. A partitioned table is as large as its parts together. Asking how large a file
# is waits for whoever has the table to himself, so of such a table the counters tell.
SIZES = """
with taken as materialized (
  select relation from pg_catalog.pg_locks where mode = 'AccessExclusiveLock' and locktype = 'relation'
    and database = (select oid from pg_catalog.pg_database where datname = current_database())
), parts as (
  select c.oid, c.relnamespace, c.relname, coalesce(p.relid, c.oid) as part
  from pg_catalog.pg_class c
  left join lateral pg_catalog.pg_partition_tree(c.oid) p on c.relkind = 'p' and p.isleaf
  where c.relkind in ('r', 'p', 'm')
)
select n.nspname || '.' || parts.relname,
  sum(case when c.relkind = 'p' then 0 when c.reltuples >= 0 then c.reltuples
      when c.oid in (select relation from taken) then pg_catalog.pg_stat_get_live_tuples(c.oid)
      else ceil(pg_catalog.pg_relation_size(c.oid) / 36.0) end)::bigint
from parts
join pg_catalog.pg_class c on c.oid = parts.part
join pg_catalog.pg_namespace n on n.oid = parts.relnamespace
where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
group by 1
"""

_WAITS = "set local lock_timeout to '5s'"  # a view's words are not to be had while its table is taken
_BEGIN = f"set statement_timeout to '30s'; begin isolation level repeatable read read only; {PINNED}; {_WAITS}"
_FIRST = ";".join((_BEGIN, history.COLUMNS, SIZES, LEFTOVERS))
_NOTHING = "select null where false"

Rows = list[tuple[Any, ...]]


def moment(url: str, name: str, limit: float) -> Moment:
    """Read it within `limit` seconds once connected. Raises `Unreachable`; a catalog that alone resists is left out."""
    with closing(connect(url, name, "stagedoor")) as connection, within(connection, limit) as over:
        try:
            for _ in range(TRIES):
                if found := _looked(connection, name):
                    return found
        except psycopg.Error as error:
            why = error.diag.message_primary or "the connection was lost"
            said = f"it did not answer within {limit:g} s" if over() else why
            raise Unreachable(sentence(f"{name} could not be read: {said}")) from None
    raise Unreachable(f"Migrations keep coming into {name} while it is looked at; it is looked at again.")


def _looked(connection: psycopg.Connection, name: str) -> Moment | None:
    """None where the history moved meanwhile."""
    present, sizes, left = _answers(connection, _FIRST)
    columns = frozenset(present[0][0])
    reads, again = history.reading(columns) or _NOTHING, history.versions(columns) or _NOTHING
    catalog: Snapshot | None = None
    unread = ""
    try:
        rows, *objects, after = _answers(connection, f"{reads}; {ASKED}; commit; {again}")
        catalog = read(objects)
    except psycopg.Error as error:
        if connection.broken:
            raise
        # One view that cannot be spelt must not hide the history.
        unread = sentence(f"The catalog of {name} could not be read: {error.diag.message_primary}")
        rows, after = _answers(connection, f"rollback; {reads}; {again}")
    if [row[0] for row in rows] != [row[0] for row in after]:
        return None
    return Moment(
        history=history.applied(rows), catalog=catalog, unread=unread,
        sizes={str(table): int(about) for table, about in sizes}, leftovers=tuple(sorted(row[0] for row in left)),
    )


def _answers(connection: psycopg.Connection, statements: str) -> list[Rows]:
    """The rows of each statement that has any, from one message."""
    cursor = connection.execute(statements.encode())
    found = list[Rows]()
    while True:
        if cursor.description is not None:
            found.append(cursor.fetchall())
        if not cursor.nextset():
            return found


@contextmanager
def within(connection: psycopg.Connection, seconds: float) -> Iterator[Any]:
    """Hang up once the time is over, whatever the other side does; yields how to ask whether that was so."""
    over = threading.Event()
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        def hang_up() -> None:
            over.set()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield over.is_set
        finally:
            timer.cancel()

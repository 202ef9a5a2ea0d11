"""A snapshot that is held while pg_dump reads it: what there is to dump, and how many rows each table has in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from bot.errors import Refused, Unreachable
from bot.migrations.session import POOLER_PORT, connect
from bot.migrations.trouble import sentence

Table = tuple[str, str]
"""Schema and name."""

_BEGIN = """
set lock_timeout = '{lock_wait}ms'; set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0; set row_security = off;
begin transaction isolation level repeatable read, read only
"""

# What belongs to an extension comes back with it, save what the extension itself wants dumped.
_RELATIONS = """
select n.nspname, c.relname, c.relkind = 'r',
  pg_catalog.has_schema_privilege(n.oid, 'USAGE') and case when c.relkind = 'S'
    then pg_catalog.has_sequence_privilege(c.oid, 'SELECT') else pg_catalog.has_table_privilege(c.oid, 'SELECT') end,
  c.relpages::bigint * 8192
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'S') and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
  )
order by 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a snapshot shows. `size` is about how many bytes the tables take, as the planner knows it."""

    id: str
    server: str
    major: int
    tables: tuple[Table, ...]
    unreadable: tuple[Table, ...]
    size: int
    becomes: str
    """The role that a login of the platform has to become."""


def locked(name: str, waited: float) -> Unreachable:
    """Passes by itself: a dump is begun again later, rather than queued up behind a change with readers behind it."""
    return Unreachable(f"A table of {name} is locked: somebody has held it for {waited:g} s or more.")


class Snapshot:
    """A transaction that keeps one moment of the database visible. Raises `Unreachable` and `Refused`."""

    def __init__(self, url: str, name: str, application: str, lock_wait: float, only: tuple[Table, ...] = ()) -> None:
        self._name, self._lock_wait = name, lock_wait
        if str(psycopg.conninfo.conninfo_to_dict(url).get("port")) == str(POOLER_PORT):
            raise Refused(f"The address of {name} leads to a transaction pooler, where no snapshot can be held.")
        # Counting a large table takes as long as it takes; pg_dump beside it is waited for likewise.
        self._connection = connect(url, name, application)
        self._connection.patience = None
        try:
            self.scene = self._look(only)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def count(self, table: Table) -> int:
        """How many rows a table has in this snapshot."""
        schema, name = table
        only = psycopg.sql.SQL("select count(*) from only {}").format(psycopg.sql.Identifier(schema, name))
        return int(self._query(only.as_string(self._connection))[0][0])

    def _look(self, only: tuple[Table, ...]) -> Scene:
        user, version, number = self._query(
            "select session_user::text, current_setting('server_version'), current_setting('server_version_num')::int"
        )[0]
        becomes = "postgres" if user == "supabase_admin" or user.startswith("cli_login_") else ""
        if becomes:
            self._query("set session role postgres")
        self._query(_BEGIN.format(lock_wait=round(self._lock_wait * 1000)))
        rows = self._query(_RELATIONS)
        chosen = [row for row in rows if not only or (row[0], row[1]) in only]
        return Scene(
            id=self._query("select pg_catalog.pg_export_snapshot()")[0][0], server=version, major=number // 10_000,
            tables=tuple((row[0], row[1]) for row in chosen if row[2] and row[3]),
            unreadable=tuple((row[0], row[1]) for row in chosen if not row[3]),
            size=sum(row[4] for row in chosen if row[2]), becomes=becomes,
        )

    def _query(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if isinstance(error, psycopg.errors.LockNotAvailable):
                raise locked(self._name, self._lock_wait) from None
            said = error.diag.message_primary or "the connection was lost"
            raise Unreachable(sentence(f"{self._name} could not be read for the backup: {said}")) from None

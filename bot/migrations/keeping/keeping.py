"""Copying rows into the private schema right before the statement that destroys them, in the same transaction."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql

from bot.domain.entry import Json
from bot.migrations.keeping.losses import DESTROYERS, Loss, losses
from bot.migrations.session import Session
from bot.migrations.splitter import Statement

SCHEMA = "stagedoor_kept"
MOST_ROWS = 1_000_000
MOST_BYTES = 512 * 1024 * 1024
"""Of one table. What is larger is in the dump alone, which is said: a copy would hold up its writers for long."""

_STATEMENT = "stagedoor_statement"
_ROW_LOCK = {"delete": "for update", "update": "for no key update"}
"""What the statement itself takes of each row; an UPDATE of a key takes more once it runs."""

# A table's shape is changed only where it has to be: a dump under way holds it as it is.
_MAKE = f"""
create schema if not exists {SCHEMA};
revoke all on schema {SCHEMA} from public;
create table if not exists {SCHEMA}.batches (
  id bigint generated always as identity primary key, record text not null, version text not null,
  statement int not null, schema_name text not null, table_name text not null, why text not null,
  columns text[] not null, types text[] not null, key text[] not null, changed text[] not null,
  rows bigint not null default 0, kept_at timestamptz not null default now(), restored_at timestamptz
);
do $$
declare someone name;
begin
  if not (select relrowsecurity from pg_catalog.pg_class where oid = '{SCHEMA}.batches'::regclass) then
    alter table {SCHEMA}.batches enable row level security;
  end if;
  revoke all on {SCHEMA}.batches from public;
  for someone in
    select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute format('revoke all on schema {SCHEMA} from %I', someone);
    execute format('revoke all on {SCHEMA}.batches from %I', someone);
  end loop;
end $$
"""

UPGRADE = f"""
do $$
begin
  if (select count(*) from pg_catalog.pg_attribute where attrelid = '{SCHEMA}.batches'::regclass
      and attname in ('xid', 'outcome')) < 2 then
    alter table {SCHEMA}.batches add column if not exists xid xid, add column if not exists outcome jsonb;
  end if;
end $$
"""
"""What earlier releases did not note: which transaction it was, and what became of the rows."""

_TABLE = """
select n.nspname, c.relname, c.relpages::bigint * 8192, greatest(c.reltuples, 0)::bigint,
  array(select a.attname::text from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum),
  array(select pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum),
  array(select a.attname::text from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where i.indrelid = c.oid and i.indisprimary order by a.attnum)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass(%s) and c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname <> %s and c.xmin <> pg_catalog.pg_current_xact_id()::xid
"""

# Tables whose rows go, or lose a value, together with those of this one.
_CASCADES = """
with recursive reached (oid) as (
  select pg_catalog.to_regclass(%s)::oid
  union
  select f.conrelid from pg_catalog.pg_constraint f join reached on f.confrelid = reached.oid
  where f.contype = 'f' and (%s or f.confdeltype in ('c', 'n', 'd'))
)
select format('%%I.%%I', n.nspname, c.relname) from reached
join pg_catalog.pg_class c on c.oid = reached.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid <> pg_catalog.to_regclass(%s) order by 1
"""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A table as the catalog has it."""

    schema: str
    name: str
    size: int
    about: int
    columns: list[str]
    types: list[str]
    key: list[str]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class Keeping:
    """Keeps what the statements of one file destroy. What it made goes with the transaction, if that is undone."""

    def __init__(
        self, session: Session, *, record: str, version: str, run: Callable[[str], None], most: int = MOST_ROWS,
    ) -> None:
        self._session, self._record, self._version, self._run, self._most = session, record, version, run, most
        self._made = False
        self._kept: set[tuple[str, tuple[str, ...]]] = set()
        self._batch: int | None = None
        """What was kept last, while it counts."""
        self._locked: tuple[int, set[tuple[str, tuple[str, ...]]]] | None = None
        """How many rows were copied and locked one by one, and what was kept before."""

    def before(self, number: int, statement: Statement, whole: bool = False) -> list[dict[str, Json]]:
        """Copy what this statement is about to destroy; says what was kept and what was not. Raises the server's.

        Where its words meet the same rows again, only those are locked until the end, as the statement would do itself;
        `missed` says afterwards whether it met more, and then it is done again with the `whole` table locked.
        """
        if statement.first not in DESTROYERS:
            return []
        said = []
        for loss in self._reaching(statement.text):
            found = self._found(loss.table)
            if found is None or (not loss.rows and (str(found), loss.columns) in self._kept):
                continue
            said.append(self._keep(number, replace(loss, exact=loss.exact and not whole), found))
        return said

    def missed(self, tag: str) -> bool:
        """Whether the statement, whose command tag this is, destroyed more rows than were copied; then it is undone."""
        if self._locked is None:
            return False
        (rows, kept), self._locked = self._locked, None
        met = int(tag.rpartition(" ")[2]) if tag[-1:].isdigit() else rows + 1
        if met > rows:
            self._session.script(f"rollback to savepoint {_STATEMENT}; release savepoint {_STATEMENT}")
            self._kept = kept
            return True
        if self._batch is not None:
            self._note_writer(self._batch)
        self._session.query(f"release savepoint {_STATEMENT}")
        return False

    def _note_writer(self, batch: int) -> None:
        """Rows that the statement wrote carry the id of its savepoint, as whatever is written beside it does; by that
        they are told from what others write later.
        """
        with self._as_ourselves():
            seen = f"update {SCHEMA}.batches set rows = rows where id = %s returning xmin::text"
            [(xid,)] = self._session.query(seen, batch)
            self._session.query(f"update {SCHEMA}.batches set xid = %s::xid where id = %s", xid, batch)

    def _reaching(self, text: str) -> list[Loss]:
        """What the words name, and what goes with it by foreign keys."""
        reached = []
        for loss in losses(text):
            reached.append(loss)
            if loss.cascades:
                table = loss.table
                rows = self._session.query(_CASCADES, table, loss.why == "truncate", table)
                reached += [Loss(table=name, why=loss.why) for (name,) in rows]
        return reached

    def _found(self, table: str) -> Found | None:
        rows = self._session.query(_TABLE, table, SCHEMA)
        if not rows:
            return None
        schema, name, size, about, columns, types, key = rows[0]
        return Found(schema=schema, name=name, size=size, about=about, columns=columns, types=types, key=key)

    def _keep(self, number: int, loss: Loss, found: Found) -> dict[str, Json]:
        told: dict[str, Json] = {"table": str(found), "why": loss.why}
        if not loss.rows and (found.about > self._most or found.size > MOST_BYTES):
            return {**told, "rows": 0, "left_out": f"about {found.about:,} rows are too many: the dump has them"}
        with self._as_ourselves():
            self._make()
            self._batch = None
            if loss.exact:
                self._session.query(f"savepoint {_STATEMENT}")
            else:
                self._lock(found)
            kept = set(self._kept)
            rows = self._copied(number, loss, found)
        if loss.exact:
            self._locked = (sys.maxsize if rows is None else rows, kept)  # too many: it was said
        if rows is None:
            return {**told, "rows": 0, "left_out": f"more than {self._most:,} rows: the dump has them"}
        if not loss.rows:
            self._kept.add((str(found), loss.columns))
        return {**told, "rows": rows}

    @contextmanager
    def _as_ourselves(self) -> Iterator[None]:
        """A file that has set a role may not make tables in our schema. After an error the transaction is over."""
        [(role,)] = self._session.query("select pg_catalog.current_setting('role')")
        if role == self._session.own_role:
            yield
            return
        self._session.query("select pg_catalog.set_config('role', %s, false)", self._session.own_role)
        yield
        self._session.query("select pg_catalog.set_config('role', %s, false)", role)

    def _lock(self, found: Found) -> None:
        """Keep everybody else from writing to a table until the end; readers go on."""
        self._run(_text(sql.SQL("lock table {} in share row exclusive mode").format(found.identifier), self._session))

    def _copied(self, number: int, loss: Loss, found: Found) -> int | None:
        """How many rows were copied; None where they are too many, and none was. Where the words of a condition
        cannot be used as they stand, the whole table is copied."""
        self._session.query("savepoint stagedoor_keeping")
        try:
            return self._into_batch(number, loss, found)
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.Error:
            self._session.query("rollback to savepoint stagedoor_keeping")
            if not loss.rows:
                raise
            self._lock(found)
            return self._into_batch(number, Loss(table=loss.table, why=loss.why, columns=loss.columns), found)
        finally:
            if self._session.in_transaction:
                self._session.query("release savepoint stagedoor_keeping")

    def _into_batch(self, number: int, loss: Loss, found: Found) -> int | None:
        wanted = self._columns(loss, found)
        types = dict(zip(found.columns, found.types, strict=True))
        [(batch,)] = self._session.query(
            f"insert into {SCHEMA}.batches (record, version, statement, schema_name, table_name, why, columns, types,"
            " key, changed, xid) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, pg_catalog.pg_current_xact_id()::xid)"
            " returning id",
            self._record, self._version, number, found.schema, found.name, loss.why, wanted,
            [types[column] for column in wanted], found.key, list(loss.columns),
        )
        place = sql.Identifier(SCHEMA, f"rows_{batch}")
        self._run(_text(self._selected(loss, found, wanted, place), self._session))
        [(rows,)] = self._session.query(_text(sql.SQL("select count(*) from {}").format(place), self._session))
        if rows > self._most:
            self._session.query("rollback to savepoint stagedoor_keeping")
            return None
        secured = sql.SQL("alter table {} enable row level security").format(place)
        self._session.query(_text(secured, self._session))
        self._session.query(
            f"update {SCHEMA}.batches set rows = %s where id = %s", rows, batch,
        )
        self._batch = batch
        return int(rows)

    def _columns(self, loss: Loss, found: Found) -> list[str]:
        """All of a row where it goes; where only some columns change, those and what finds the row again."""
        if not loss.columns or not found.key:
            return found.columns
        return [column for column in found.columns if column in loss.columns or column in found.key]

    def _selected(self, loss: Loss, found: Found, wanted: list[str], place: sql.Identifier) -> sql.Composed:
        """Each value as its text, which every type can be read back from, even where the type itself is to go."""
        of = sql.SQL(loss.alias) if loss.alias else sql.Identifier("kept")
        values = sql.SQL(", ").join(sql.SQL("{}.{}::text").format(of, sql.Identifier(column)) for column in wanted)
        again = loss.rows and not loss.exact  # joined with other tables a row may be met more than once
        once = sql.SQL("distinct on ({}.tableoid, {}.ctid) ").format(of, of) if again else sql.SQL("")
        rows = sql.SQL(loss.rows) if loss.rows else sql.SQL("from {} kept").format(found.identifier)
        lock = sql.SQL(_ROW_LOCK.get(loss.why, "") if loss.exact else "")
        return sql.SQL("create table {} as select {}array[{}]::text[] as row {} limit {} {}").format(
            place, once, values, rows, sql.Literal(self._most + 1), lock,
        )

    def _make(self) -> None:
        if not self._made:
            self._session.script(f"{_MAKE}; {UPGRADE}")
            self._made = True


def _text(words: sql.Composed, session: Session) -> str:
    return words.as_string(session.connection)


def told(kept: list[dict[str, Any]]) -> str:
    """`books 1,000 rows, prices 12 rows`, for people."""
    return ", ".join(f"{one['table'].removeprefix('public.')} {one['rows']:,} rows" for one in kept if one["rows"])

"""Putting kept rows back: in one transaction, the last ones that were taken first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import errors, sql

from bot.errors import Refused
from bot.migrations.keeping.keeping import SCHEMA
from bot.migrations.session import Session
from bot.ports import KeptRows

_BATCHES = f"""
select id, schema_name, table_name, why, columns, types, key, changed, rows, kept_at
from {SCHEMA}.batches where record = %s and restored_at is null order by version desc, statement desc, id
"""

_LISTED = f"""
select record, array_agg(distinct schema_name || '.' || table_name), sum(rows)::bigint, min(kept_at),
  bool_and(restored_at is not null)
from {SCHEMA}.batches group by record order by min(kept_at) desc
"""

_THERE = """
select array(select a.attname::text from pg_catalog.pg_attribute a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
  array(select t.tgname::text from pg_catalog.pg_trigger t
    where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled = 'O'),
  array(select a.attname::text from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where i.indrelid = c.oid and i.indisprimary order by a.attnum)
from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass(%s)
"""

Query = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one statement destroyed of one table."""

    id: int
    schema: str
    table: str
    why: str
    columns: list[str]
    types: list[str]
    key: list[str]
    changed: list[str]
    rows: int
    kept_at: datetime

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"


def listed(query: Query) -> tuple[KeptRows, ...]:
    """What is kept, by promotion, newest first; nothing where the schema was never made."""
    if query(f"select pg_catalog.to_regclass('{SCHEMA}.batches')")[0][0] is None:
        return ()
    return tuple(
        KeptRows(record=record, tables=tuple(tables), rows=rows, since=since, restored=restored)
        for record, tables, rows, since, restored in query(_LISTED)
    )


def forget(session: Session, record: str) -> None:
    """Take away what is kept for a promotion, for good."""
    session.query("begin")
    for (batch,) in session.query(f"select id from {SCHEMA}.batches where record = %s", record):
        session.query(f"drop table if exists {SCHEMA}.rows_{int(batch)}")
    session.query(f"delete from {SCHEMA}.batches where record = %s", record)
    session.query("commit")


def put_back(session: Session, record: str, lock_timeout: float) -> dict[str, int]:
    """Put every kept row of a promotion back; returns how many by table. Raises `Refused` with nothing changed.

    Rows that are there again stay as they are; columns that were dropped or overwritten get their old values, by
    primary key. The tables' own triggers rest meanwhile; foreign keys and constraints are kept.
    """
    session.query(f"begin; set local lock_timeout = '{round(lock_timeout * 1000)}ms'; set local statement_timeout = 0")
    put: dict[str, int] = {}
    try:
        batches = [Batch(
            id=row[0], schema=row[1], table=row[2], why=row[3], columns=row[4], types=row[5], key=row[6],
            changed=row[7], rows=row[8], kept_at=row[9],
        ) for row in session.query(_BATCHES, record)]
        if not batches:
            raise Refused(f"Nothing is kept in {session.name} for {record}, or it was put back already.")
        while batches:
            batches = _passed_through(session, batches, put)
        session.query("commit")
    except BaseException:
        if session.in_transaction or not session.connection.closed:
            session.connection.rollback()
        raise
    return put


def _passed_through(session: Session, batches: list[Batch], put: dict[str, int]) -> list[Batch]:
    """Those that have to wait for rows that their foreign keys want. Raises the server's error when all of them do."""
    waiting, trouble = list[Batch](), None
    for batch in batches:
        session.query("savepoint stagedoor_putting")
        try:
            put[batch.name] = put.get(batch.name, 0) + _put(session, batch)
            session.query("release savepoint stagedoor_putting")
        except errors.ForeignKeyViolation as violation:
            session.query("rollback to savepoint stagedoor_putting")
            waiting.append(batch)
            trouble = violation
    if trouble and len(waiting) == len(batches):
        raise trouble
    return waiting


def _put(session: Session, batch: Batch) -> int:
    place = sql.Identifier(batch.schema, batch.table)
    there = session.query(_THERE, place.as_string(session.connection))
    if not there:
        raise Refused(f"{batch.name} is not there, so its {batch.rows:,} kept rows have no place. Roll back first.")
    columns, triggers, key = there[0]
    missing = [column for column in batch.columns if column not in columns]
    if missing:
        raise Refused(f"{batch.name} has no column {', '.join(missing)}, which its kept rows have. Roll back first.")
    words = _updating(batch, place) if batch.changed else _inserting(batch, place, key)
    rest = [sql.SQL("alter table {} {} trigger {}").format(place, sql.SQL("disable"), sql.Identifier(name))
            for name in triggers]
    wake = [sql.SQL("alter table {} {} trigger {}").format(place, sql.SQL("enable"), sql.Identifier(name))
            for name in triggers]
    lock = sql.SQL("lock table {} in share row exclusive mode").format(place)
    for each in (lock, *rest):
        session.query(each.as_string(session.connection))
    [(count,)] = session.query(words.as_string(session.connection))
    session.query("set constraints all immediate")
    for each in wake:
        session.query(each.as_string(session.connection))
    session.query(f"update {SCHEMA}.batches set restored_at = now() where id = %s", batch.id)
    return int(count)


def _value(batch: Batch, column: str) -> sql.Composed:
    number = batch.columns.index(column)
    type_ = batch.types[number]
    return sql.SQL("kept.row[{}]::{}").format(sql.Literal(number + 1), sql.SQL(type_))


def _updating(batch: Batch, place: sql.Identifier) -> sql.Composed:
    if not batch.key:
        raise Refused(
            f"{batch.name} had no primary key, so that its {batch.rows:,} kept rows cannot be told apart. "
            f"They are in {SCHEMA}.rows_{batch.id}."
        )
    return sql.SQL(
        "with put as (update {} of set {} from {} kept where {} returning 1) select count(*) from put"
    ).format(
        place,
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), _value(batch, column)) for column in batch.changed
        ),
        sql.Identifier(SCHEMA, f"rows_{batch.id}"),
        sql.SQL(" and ").join(
            sql.SQL("of.{} = {}").format(sql.Identifier(column), _value(batch, column)) for column in batch.key
        ),
    )


def _inserting(batch: Batch, place: sql.Identifier, key: list[str]) -> sql.Composed:
    overwrites = batch.why in ("update", "merge") and key
    names = sql.SQL(", ").join(map(sql.Identifier, batch.columns))
    again = sql.SQL("on conflict do nothing")
    if overwrites:
        again = sql.SQL("on conflict ({}) do update set {}").format(  # type: ignore[assignment]
            sql.SQL(", ").join(map(sql.Identifier, key)),
            sql.SQL(", ").join(
                sql.SQL("{} = excluded.{}").format(sql.Identifier(column), sql.Identifier(column))
                for column in batch.columns if column not in key
            ),
        )
    return sql.SQL(
        "with put as (insert into {} ({}) overriding system value select {} from {} kept {} returning 1)"
        " select count(*) from put"
    ).format(
        place, names, sql.SQL(", ").join(_value(batch, column) for column in batch.columns),
        sql.Identifier(SCHEMA, f"rows_{batch.id}"), again,
    )

"""What was kept with one statement of one table, and the table that it goes back to, as the catalog has it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import sql

from bot.errors import Refused
from bot.migrations.keeping.keeping import SCHEMA

_BATCHES = f"""
select id, schema_name, table_name, why, columns, types, key, changed, rows, kept_at, to_jsonb(b) ->> 'xid'
from {SCHEMA}.batches b where record = %s and restored_at is null order by version desc, statement desc, id
"""

_OWN = f"select distinct to_jsonb(b) ->> 'xid' from {SCHEMA}.batches b where to_jsonb(b) ->> 'xid' is not null"

# What a column was given when it was made anew over rows that were there: nobody wrote that.
_THERE = """
select array(select a.attname::text from pg_catalog.pg_attribute a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
  array(select t.tgname::text from pg_catalog.pg_trigger t
    where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled = 'O'),
  array(select a.attname::text from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where i.indrelid = c.oid and i.indisprimary order by a.attnum),
  (select coalesce(jsonb_object_agg(a.attname, (a.attmissingval::text::text[])[1]), '{}') from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atthasmissing)
from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass(%s)
"""

Query = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one statement destroyed of one table. `xid` is the transaction that did: empty in what older releases kept.

    `anew` are the values that columns made anew have in rows that nobody wrote since; `own` are transactions of ours.
    """

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
    xid: str = ""
    there: list[str] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    key_now: list[str] = field(default_factory=list)
    anew: dict[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def place(self) -> sql.Identifier:
        """The table that the rows go back to."""
        return sql.Identifier(self.schema, self.table)

    @property
    def kept(self) -> sql.Identifier:
        """The table that holds them."""
        return sql.Identifier(SCHEMA, f"rows_{self.id}")

    @property
    def kept_in(self) -> str:
        return f"{SCHEMA}.rows_{self.id}"

    @property
    def by(self) -> list[str]:
        """The columns that find a row again; none where nothing does."""
        if self.changed:
            return self.key
        return self.key_now if set(self.key_now) <= set(self.columns) else []

    @property
    def compared(self) -> list[str]:
        """The columns that get their old values."""
        return self.changed or [column for column in self.columns if column not in self.by]

    @property
    def overwrites(self) -> bool:
        """Whether rows that are there get their old values; otherwise rows that are not there go in."""
        return bool(self.changed) or self.why in ("update", "merge")

    @property
    def inserts(self) -> bool:
        """Whether rows go in that are not there. What was only written over and is not there was deleted since."""
        return not self.changed and self.why != "update"


def batches(query: Query, record: str, name: str) -> list[Batch]:
    """What is to go back for a promotion, the last one that was taken first.

    Raises `Refused` where there is nothing, or where it has no place to go to.
    """
    own = tuple(xid for (xid,) in query(_OWN))
    found = []
    for row in query(_BATCHES, record):
        id, schema, table, why, columns, types, key, changed, rows, kept_at, xid = row
        place = sql.Identifier(schema, table).as_string(None)
        there = query(_THERE, place)
        if not there:
            raise Refused(f"{schema}.{table} is not there, so its {rows:,} kept rows have no place. Roll back first.")
        now, triggers, key_now, anew = there[0]
        batch = Batch(
            id=id, schema=schema, table=table, why=why, columns=columns, types=types, key=key, changed=changed,
            rows=rows, kept_at=kept_at, xid=xid or "", own=own, there=now, triggers=triggers, key_now=key_now,
            anew=anew,
        )
        found.append(_fitting(batch))
    if not found:
        raise Refused(f"Nothing is kept in {name} for {record}, or it was put back already.")
    return found


def _fitting(batch: Batch) -> Batch:
    if missing := [column for column in batch.columns if column not in batch.there]:
        raise Refused(
            f"{batch.name} has no column {', '.join(missing)}, which its kept rows have. Roll back first."
        )
    if batch.overwrites and not batch.by:
        raise Refused(
            f"{batch.name} had no primary key, so that its {batch.rows:,} kept rows cannot be told apart. "
            f"They are in {batch.kept_in}."
        )
    return batch

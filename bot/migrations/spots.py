"""Spot checks of tables: counts, hashes of keys, foreign keys by sample, policies in force; never a value."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from bot.domain.watching import Spot

MOST_ROWS = 100_000
"""Rows are counted up to here: far enough to notice that a table was emptied."""

MOST_TABLES = 20
SAMPLE = 1000
"""Rows, and keys, that are looked at: the lowest keys that were noted before are still among so many lowest ones."""

_TABLE = """
select c.oid, n.nspname, c.relname, c.relrowsecurity,
  array(select polname::text from pg_catalog.pg_policy p where p.polrelid = c.oid order by 1),
  array(select a.attname::text from pg_catalog.pg_index i
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
        where i.indrelid = c.oid and i.indisprimary order by a.attnum)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass(%(name)s) and c.relkind in ('r', 'p')
"""
_KEYS = """
select k.conname, n.nspname, p.relname,
  array(select a.attname::text from unnest(k.conkey) with ordinality u(num, at)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at),
  array(select a.attname::text from unnest(k.confkey) with ordinality u(num, at)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at)
from pg_catalog.pg_constraint k join pg_catalog.pg_class p on p.oid = k.confrelid
join pg_catalog.pg_namespace n on n.oid = p.relnamespace
where k.contype = 'f' and k.conrelid = %(oid)s order by 1
"""


def spots(connection: psycopg.Connection, tables: Sequence[str]) -> tuple[Spot, ...]:
    """The checks of these tables, as far as they are there."""
    found = []
    for name in tables[:MOST_TABLES]:
        rows = connection.execute(_TABLE, {"name": name}).fetchall()
        if rows:
            found.append(_spot(connection, name, *rows[0]))
    return tuple(found)


def _spot(
    connection: psycopg.Connection, name: str, oid: int, schema: str, table: str, guarded: bool,
    policies: list[str], primary: list[str],
) -> Spot:
    relation = sql.Identifier(schema, table)
    count = sql.SQL("select count(*) from (select 1 from {} limit {}) as counted").format(
        relation, sql.Literal(MOST_ROWS),
    )
    [(rows,)] = connection.execute(count).fetchall()
    keys: list[str] = []
    if primary:
        row = sql.SQL(", ").join(map(sql.Identifier, primary))
        asked = sql.SQL("select pg_catalog.md5(row({})::text) from {} order by {} limit {}").format(
            row, relation, row, sql.Literal(SAMPLE),
        )
        keys = [found for (found,) in connection.execute(asked).fetchall()]
    orphans = [
        key for key, parent_schema, parent, own, there in connection.execute(_KEYS, {"oid": oid}).fetchall()
        if _orphans(connection, relation, sql.Identifier(parent_schema, parent), own, there)
    ]
    return Spot(
        table=name, rows=int(rows), guarded=guarded, policies=tuple(policies), orphans=tuple(orphans),
        keys=tuple(keys),
    )


def _orphans(
    connection: psycopg.Connection, table: sql.Identifier, parent: sql.Identifier, own: list[str], there: list[str],
) -> bool:
    """Whether a sample has rows whose parent is missing, which a NOT VALID key or disabled triggers leave behind."""
    some = sql.SQL(" and ").join(sql.SQL("{} is not null").format(sql.Identifier(column)) for column in own)
    same = sql.SQL(" and ").join(
        sql.SQL("p.{} = s.{}").format(sql.Identifier(far), sql.Identifier(near))
        for near, far in zip(own, there, strict=True)
    )
    asked = sql.SQL(
        "select exists (select 1 from (select * from {} where {} limit {}) as s"
        " where not exists (select 1 from {} as p where {}))"
    ).format(table, some, sql.Literal(SAMPLE), parent, same)
    [(found,)] = connection.execute(asked).fetchall()
    return bool(found)

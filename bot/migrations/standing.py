"""How things stand with what a statement outside a transaction makes: there, half-built, in the making, or gone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import psycopg

from bot.migrations.alone import Alone, Kind
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.trouble import said

_INDEX = """
select c.oid::bigint, coalesce(x.indrelid = t.oid, false),
  coalesce(x.indisvalid and x.indisready and x.indislive, false), pg_catalog.format('%%I.%%I', n.nspname, c.relname),
  (select min(p.pid) from pg_catalog.pg_stat_progress_create_index p
   where p.index_relid = c.oid and p.pid <> pg_catalog.pg_backend_pid())
from (select pg_catalog.to_regclass(%s) as oid) t
join pg_catalog.pg_class r on r.oid = t.oid
join pg_catalog.pg_class c on c.relnamespace = r.relnamespace and c.relname = (pg_catalog.parse_ident(%s))[1]::name
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_index x on x.indexrelid = c.oid
"""

_REBUILT = """
select pg_catalog.format('%%I.%%I', n.nspname, c.relname)
from pg_catalog.pg_index x
join pg_catalog.pg_class c on c.oid = x.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not x.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$' and x.indrelid = (
  select coalesce(i.indrelid, t.oid) from (select pg_catalog.to_regclass(%s) as oid) t
  left join pg_catalog.pg_index i on i.indexrelid = t.oid)
order by 1
"""
"""What REINDEX CONCURRENTLY leaves of an index when it fails: the new one half-built, or the old one not yet gone."""

_DROPPED = """
select pg_catalog.format('%%I.%%I', n.nspname, c.relname), coalesce(x.indisvalid, true)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_index x on x.indexrelid = c.oid
where c.oid = pg_catalog.to_regclass(%s)
"""

_ATTACHED = """
select coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false) from pg_catalog.pg_inherits i
where i.inhrelid = pg_catalog.to_regclass(%s) and i.inhparent = pg_catalog.to_regclass(%s)
"""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the catalog says.

    `done`: just what the statement makes is there. `broken` are INVALID indexes by their full names, as SQL takes them.
    `builder` is the session that is building it, none of ours. `other` is set where the name belongs to something
    else. `instead` is what finishes a partition half detached.
    """

    done: bool = False
    broken: tuple[str, ...] = ()
    other: str = ""
    builder: int = 0
    instead: str = ""


def standing(session: Session, alone: Alone) -> Standing:
    """Look. Raises what the session raises."""
    match alone.kind:
        case Kind.BUILD:
            return _built(session, alone)
        case Kind.DROP:
            return _dropped(session, alone)
        case Kind.REBUILD:
            return Standing(broken=tuple(row[0] for row in session.query(_REBUILT, alone.name or alone.table)))
        case Kind.DETACH:
            return _detached(session, alone)
        case _:
            return Standing()


def _dropped(session: Session, alone: Alone) -> Standing:
    rows = session.query(_DROPPED, alone.name)
    return Standing(done=not rows, broken=tuple(name for name, valid in rows if not valid))


def _built(session: Session, alone: Alone) -> Standing:
    rows = session.query(_INDEX, alone.table, alone.name)
    if not rows:
        return Standing()
    oid, here, valid, full, builder = rows[0]
    if not here:
        return Standing(other=f"{full} is something else there, not an index on {alone.table}")
    if builder:
        return Standing(builder=builder)
    if not valid:
        return Standing(broken=(full,))
    if unlike := _unlike(session, alone, oid):
        return Standing(other=f"The index {full} is there, valid, but {unlike}")
    return Standing(done=True)


def _unlike(session: Session, alone: Alone, oid: int) -> str:
    """How an index is not what the statement makes: Postgres makes it on an empty copy of the table, and says."""
    tick, unique = (lambda: None), "unique " if alone.unique else ""
    try:
        session.query("begin")
        session.run(f"create temporary table stagedoor_like (like {alone.table})", tick)
        session.run(f"create {unique}index stagedoor_like_index on pg_temp.stagedoor_like {alone.rest}", tick)
        made, there = session.query(
            "select pg_get_indexdef('pg_temp.stagedoor_like_index'::regclass), pg_get_indexdef(%s::oid)", oid,
        )[0]
        return "" if _essence(made) == _essence(there) else "is not the one that this file makes"
    except psycopg.Error as error:
        return f"could not be compared with what this file makes: {said(error)}"
    finally:
        with suppress(psycopg.Error, ConnectionLost):
            session.query("rollback")


def _essence(definition: str) -> tuple[bool, str]:
    return definition.startswith("CREATE UNIQUE"), definition.partition(" USING ")[2]


def _detached(session: Session, alone: Alone) -> Standing:
    rows = session.query(_ATTACHED, alone.name, alone.table)
    if not rows:
        return Standing(done=True)
    return Standing(instead=f"alter table {alone.table} detach partition {alone.name} finalize" if rows[0][0] else "")

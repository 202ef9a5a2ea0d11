"""What staging is asked once a run is in: which functions compile, and how many rows the touched tables hold now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

import psycopg
from psycopg import sql

from bot.migrations.catalog.scope import MINE

PATIENCE = 2.0
"""How many seconds counting one table may take; a larger one keeps the planner's estimate."""
MOST = 20

# The validator of a language reads a body as CREATE FUNCTION does with check_function_bodies on, which files made by
# `supabase db diff` switch off. SQL is looked up in the catalog; of PL/pgSQL it is the grammar and the declared types.
_COMPILE = f"""
do $stagedoor$
declare own text := current_setting('search_path'); every jsonb; one jsonb; found jsonb := '{{}}';
begin
  perform set_config('search_path', 'pg_catalog', true), set_config('check_function_bodies', 'on', true);
  with {MINE}
  select coalesce(jsonb_agg(jsonb_build_object('oid', p.oid, 'name', p.oid::regprocedure::text, 'validator',
    format('%I.%I', w.nspname, v.proname), 'path',
    (select substr(c, 13) from unnest(p.proconfig) c where c like 'search_path=%'))), '[]') into every
  from pg_proc p join mine n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
  join pg_proc v on v.oid = l.lanvalidator join pg_namespace w on w.oid = v.pronamespace
  where l.lanname in ('sql', 'plpgsql') and p.prokind in ('f', 'p') and not exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e');
  for one in select * from jsonb_array_elements(every) loop
    begin
      perform set_config('search_path', coalesce(one ->> 'path', own), true);
      execute format('select %s(%s::oid)', one ->> 'validator', one ->> 'oid');
    exception when insufficient_privilege then null;
      when others then found := found || jsonb_build_object(one ->> 'name', sqlerrm || ' (' || sqlstate || ')');
    end;
  end loop;
  perform set_config('stagedoor.found', found::text, false);
end $stagedoor$
"""  # noqa: S608  (our own words)


def uncompiled(connection: psycopg.Connection) -> dict[str, str]:
    """The functions of the user's schemas that do not compile, and what the server says of each."""
    connection.execute("set statement_timeout to '30s'")
    connection.execute(_COMPILE.encode())
    row = connection.execute("select current_setting('stagedoor.found')::jsonb").fetchone()
    return {str(name): str(why) for name, why in row[0].items()} if row else {}


def counts(connection: psycopg.Connection, tables: Iterable[str]) -> Mapping[str, int]:
    """Exact counts of tables, given by their names as SQL has them; one that takes too long is left out."""
    limit = sql.SQL("set statement_timeout to {}; set row_security to off")
    connection.execute(limit.format(sql.Literal(round(PATIENCE * 1000))))
    found: dict[str, int] = {}
    for table in list(tables)[:MOST]:
        with suppress(psycopg.errors.QueryCanceled, psycopg.errors.InsufficientPrivilege):
            # The catalog's own spelling of a name. Without row_security off a policy might hide rows from us.
            row = connection.execute(f"select count(*) from {table}".encode()).fetchone()  # noqa: S608  (our own words)
            found[table] = int(row[0]) if row else 0
    return found

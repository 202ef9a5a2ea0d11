"""Does each database answer, does it keep sessions, and may we do there what a promotion takes?"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.doctor.finding import Finding, Visit, note, ok, unknown, wrong
from bot.errors import Refused, StagedoorError, Unreachable
from bot.migrations.session import Session

DIRECT = re.compile(r"db\.([a-z0-9]+)\.supabase\.(?:co|red)")
SHAPE = "postgresql://{user}.{ref}:PASSWORD@aws-N-REGION.pooler.supabase.com:5432/postgres"

RIGHTS = """
with history as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'
), platform as (
  select oid from pg_catalog.pg_namespace where nspname = 'supabase_migrations'
), strangers as (
  select format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    and not pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE')
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
)
select
  pg_catalog.current_setting('server_version_num')::int, current_user::text,
  (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  pg_catalog.has_schema_privilege('public', 'CREATE'),
  coalesce((select pg_catalog.has_schema_privilege(oid, 'USAGE') from platform), true),
  coalesce((select pg_catalog.has_table_privilege(oid, 'SELECT') and pg_catalog.has_table_privilege(oid, 'INSERT')
    from history), (select pg_catalog.has_schema_privilege(oid, 'CREATE') from platform), true),
  pg_catalog.has_function_privilege('pg_catalog.pg_try_advisory_lock(bigint)', 'EXECUTE'),
  pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  (select count(*) from strangers), array(select name from strangers order by 1 limit 3)
"""


class Rights(NamedTuple):
    """One row of `RIGHTS`."""

    version: int
    user: str
    superuser: bool
    schemas: bool
    public: bool
    history: bool
    rows: bool
    locks: bool
    stats: bool
    strangers: int
    names: list[str]


def look(visit: Visit) -> Iterable[Finding]:
    for project in visit.settings.projects.values():
        before = "" if len(visit.settings.projects) == 1 else f"{project.name}, "
        for environment in ("staging", "production"):
            variable = project.variable(f"{environment.upper()}_DATABASE_URL")
            url = getattr(project, f"{environment}_database_url").get_secret_value()
            yield from _database(visit, f"{before}{environment}", variable, url)


def _database(visit: Visit, what: str, variable: str, url: str) -> Iterator[Finding]:
    try:
        session = Session.opened(url, what, "stagedoor-doctor")
    except Refused as refused:
        yield wrong(what, str(refused), f"Change {variable}.")
        return
    except Unreachable as trouble:
        yield wrong(what, str(trouble), _way(url) or f"Check {variable}, and that this machine may connect.")
        return
    try:
        rights = Rights(*session.query(RIGHTS)[0])
        visit.majors[what] = rights.version // 10000
        if session.read_only:
            yield wrong(what, session.read_only, "Migrations need a primary that takes writes.")
        else:
            yield ok(what, f"PostgreSQL {_version(rights.version)} answers as {rights.user} and keeps its session.")
        yield from _rights(f"{what}, rights", rights)
    except StagedoorError as trouble:
        yield unknown(what, str(trouble))
    finally:
        session.close()


def _rights(what: str, rights: Rights) -> Iterator[Finding]:
    lacking = [
        word for has, word in (
            (rights.schemas, "create schemas"), (rights.public, "create in the schema public"),
            (rights.history and rights.rows, "read and write supabase_migrations.schema_migrations"),
            (rights.locks, "take advisory locks"),
        ) if not has
    ]
    if rights.strangers:
        shown = ", ".join(rights.names) + (", …" if rights.strangers > len(rights.names) else "")
        lacking.append(f"change {rights.strangers} of the tables in public ({shown})")
    if lacking:
        yield wrong(what, f"{rights.user} may not {'; nor '.join(lacking)}.", "docs/roles has a role that suffices.")
        return
    said = f"{rights.user} may do all that a promotion takes"
    if rights.superuser:
        yield note(what, f"{said}, and everything else: it is a superuser. docs/roles has a role that suffices.")
    elif not rights.stats:
        yield note(what, f"{said}. Without pg_read_all_stats it names a blocker, not the blocker's statement.")
    else:
        yield ok(what, f"{said}.")


def _way(url: str) -> str:
    """For Supabase's direct hosts, which answer on IPv6 alone, the shape of the address that works everywhere."""
    parts = urlsplit(url)
    direct = DIRECT.fullmatch(parts.hostname or "")
    if not direct:
        return ""
    shape = SHAPE.format(user=parts.username or "postgres", ref=direct[1])
    try:
        only6 = not socket.getaddrinfo(parts.hostname, 5432, socket.AF_INET)
    except OSError:
        only6 = True
    why = "This host answers on IPv6 alone" if only6 else "Where this machine has no way to it"
    return f"{why}: use the session pooler's address, {shape} (Connect, Session pooler, shows N and REGION)."


def _version(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"

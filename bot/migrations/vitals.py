"""Reads how a database is doing: its head, a cheap mark of its catalog, its sessions, slow statements, failed jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from bot.domain.reading import Job, Reading, Session, Statement
from bot.domain.watching import Spot
from bot.errors import Unreachable
from bot.migrations.catalog.scope import MINE_AND_SHARED
from bot.migrations.history import TABLE
from bot.migrations.session import connect
from bot.migrations.spots import spots
from bot.migrations.trouble import sentence
from bot.ports import Clock

T = TypeVar("T")

APPLICATION = "stagedoor watch"
_LONGEST = 300
_MOST = 20

_HEAD = f"""
select pg_catalog.to_regclass('{TABLE}') is not null
"""
_VERSIONS = f'select max(version collate "C"), count(*) from {TABLE}'  # noqa: S608  (our own words)

# An object's row in the catalog gets a new xmin whenever it is defined anew; ANALYZE and VACUUM write in place.
_CATALOG = f"""
with {MINE_AND_SHARED.replace('from pg_namespace', 'from pg_catalog.pg_namespace')},
tables as (select c.oid, c.xmin from pg_catalog.pg_class c join mine n on n.oid = c.relnamespace),
marks as (
  select 'n' || n.oid || n.xmin from pg_catalog.pg_namespace n join mine on mine.oid = n.oid
  union all select 'c' || oid || xmin from tables
  union all select 'a' || a.attrelid || '.' || a.attnum || a.xmin from pg_catalog.pg_attribute a
    join tables t on t.oid = a.attrelid where a.attnum > 0
  union all select 'd' || d.oid || d.xmin from pg_catalog.pg_attrdef d join tables t on t.oid = d.adrelid
  union all select 'k' || k.oid || k.xmin from pg_catalog.pg_constraint k join mine n on n.oid = k.connamespace
  union all select 'f' || p.oid || p.xmin from pg_catalog.pg_proc p join mine n on n.oid = p.pronamespace
  union all select 'p' || p.oid || p.xmin from pg_catalog.pg_policy p join tables t on t.oid = p.polrelid
  union all select 't' || g.oid || g.xmin from pg_catalog.pg_trigger g join tables t on t.oid = g.tgrelid
  union all select 'r' || r.oid || r.xmin from pg_catalog.pg_rewrite r join tables t on t.oid = r.ev_class
  union all select 'y' || y.oid || y.xmin from pg_catalog.pg_type y join mine n on n.oid = y.typnamespace
  union all select 'e' || e.oid || e.xmin from pg_catalog.pg_enum e join pg_catalog.pg_type y on y.oid = e.enumtypid
    join mine n on n.oid = y.typnamespace
)
select count(*), coalesce(sum(pg_catalog.hashtextextended(mark, 0)::numeric), 0)::text from marks as marks(mark)
"""  # noqa: S608  (our own words)

_CONNECTIONS = """
select (select sum(numbackends) from pg_catalog.pg_stat_database),
  pg_catalog.current_setting('max_connections')::int
  - pg_catalog.current_setting('superuser_reserved_connections')::int
"""
# Without this role the server hides what others do, and hidden sessions look like idle ones.
_SEES_ALL = "select pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
_HIDDEN = "the database's user may not see them (grant pg_read_all_stats to it)"
_SESSIONS = """
select pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(state, ''),
  coalesce(extract(epoch from clock_timestamp() - state_change), 0)::float8,
  coalesce(extract(epoch from clock_timestamp() - xact_start), 0)::float8,
  left(query, %(longest)s), pg_catalog.pg_blocking_pids(pid)
from pg_catalog.pg_stat_activity
where backend_type = 'client backend' and datname = current_database() and pid <> pg_catalog.pg_backend_pid()
  and state <> 'idle' and (wait_event_type = 'Lock' or clock_timestamp() - xact_start > interval '1 s'
    or pid in (select unnest(pg_catalog.pg_blocking_pids(l.pid)) from pg_catalog.pg_locks l where not l.granted))
order by xact_start nulls last limit 100
"""
_WHERE_STATEMENTS = """
select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname = 'pg_stat_statements'
"""
_STATEMENTS = """
select queryid::text, left(min(query), {longest}), sum(calls)::bigint, sum(total_exec_time)::float8
from {schema}.pg_stat_statements
where dbid = (select oid from pg_catalog.pg_database where datname = current_database()) and toplevel
  and queryid is not null
group by 1 having max(max_exec_time) > {slow} order by 4 desc limit 500
"""
_CRON = "select pg_catalog.to_regclass('cron.job_run_details') is not null"
# pg_cron lets everybody but a superuser and who bypasses row level security see his own jobs alone.
_OWN_JOBS = "select pg_catalog.row_security_active('cron.job_run_details')"
_OTHERS_JOBS = "row level security shows the database's user its own jobs alone"
_FAILED_JOBS = """
select coalesce(j.jobname, 'job ' || d.jobid), coalesce(d.end_time, d.start_time),
  left(coalesce(d.return_message, ''), 300)
from cron.job_run_details d left join cron.job j using (jobid)
where d.status = 'failed' and coalesce(d.end_time, d.start_time) > now() - interval '1 hour'
order by 2 desc limit 20
"""


class PostgresVitals:
    """The port `Vitals`: one short session a reading. Each part stands alone; one that fails is named as unread."""

    def __init__(self, url: str, name: str, clock: Clock) -> None:
        self._url, self._name, self._clock = url, name, clock

    def read(self, slow_ms: int) -> Reading:
        """How it is now. Raises `Unreachable` when the server does not answer."""
        with closing(connect(self._url, self._name, APPLICATION)) as connection:
            try:
                connection.execute("set statement_timeout to '5s'; set lock_timeout to '1s'")
                return _Look(connection).reading(self._clock.now(), slow_ms)
            except psycopg.OperationalError as error:
                said = error.diag.message_primary or "the connection was lost"
                raise Unreachable(sentence(f"{self._name} could not be read: {said}")) from None


    def spots(self, tables: Sequence[str]) -> tuple[Spot, ...]:
        """Spot checks of these tables. Raises `Unreachable`."""
        with closing(connect(self._url, self._name, APPLICATION)) as connection:
            try:
                connection.execute("set statement_timeout to '5s'; set lock_timeout to '1s'")
                return spots(connection, tables)
            except psycopg.Error as error:
                said = error.diag.message_primary or "the connection was lost"
                raise Unreachable(sentence(f"{self._name} could not be spot-checked: {said}")) from None


class _Look:
    """One connection's worth of questions."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._unread: dict[str, str] = {}

    def reading(self, now: datetime, slow_ms: int) -> Reading:
        sees_all = self._part("rights", lambda: bool(self._rows(_SEES_ALL)[0][0]))
        if sees_all is False:
            self._unread["sessions and statements of other users"] = _HIDDEN
        head, rows = self._part("history", self._head) or (None, 0)
        connections, allowed = self._part("connections", self._connections) or (0, 0)
        return Reading(
            at=now, head=head, rows=rows, catalog=self._part("catalog", self._catalog) or "",
            connections=connections, allowed=allowed, sessions=self._part("sessions", self._sessions) or (),
            statements=self._part("statements", lambda: self._statements(slow_ms)) or {},
            failed_jobs=self._part("cron", self._jobs) or (), unread=self._unread,
        )

    def _part(self, name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            self._unread[name] = error.diag.message_primary or type(error).__name__
            return None

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode(), values or None).fetchall()

    def _head(self) -> tuple[str | None, int]:
        if not self._rows(_HEAD)[0][0]:
            return None, 0
        head, rows = self._rows(_VERSIONS)[0]
        return head, int(rows)

    def _catalog(self) -> str:
        count, mark = self._rows(_CATALOG)[0]
        return f"{count}.{mark}"

    def _connections(self) -> tuple[int, int]:
        used, allowed = self._rows(_CONNECTIONS)[0]
        return int(used), int(allowed)

    def _sessions(self) -> tuple[Session, ...]:
        return tuple(
            Session(pid=pid, user=user, application=app, state=state, seconds=seconds, transaction=transaction,
                    query=" ".join(query.split()), blocked_by=tuple(blocked_by))
            for pid, user, app, state, seconds, transaction, query, blocked_by
            in self._rows(_SESSIONS, longest=_LONGEST)
        )

    def _statements(self, slow_ms: int) -> dict[str, Statement]:
        found = self._rows(_WHERE_STATEMENTS)
        if not found:
            self._unread["statements"] = "the extension pg_stat_statements is not there"
            return {}
        schema = '"' + str(found[0][0]).replace('"', '""') + '"'
        query = _STATEMENTS.format(schema=schema, longest=_LONGEST, slow=float(slow_ms))
        return {
            id: Statement(text=" ".join(text.split()), calls=int(calls), total=float(total))
            for id, text, calls, total in self._rows(query)
        }

    def _jobs(self) -> tuple[Job, ...]:
        if not self._rows(_CRON)[0][0]:
            return ()
        if self._rows(_OWN_JOBS)[0][0]:
            self._unread["cron"] = _OTHERS_JOBS
        return tuple(Job(job=job, at=at, said=said) for job, at, said in self._rows(_FAILED_JOBS))

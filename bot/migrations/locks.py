"""Who holds what: the lock that lets one Stagedoor at a time change a database, and who blocks a statement."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from bot.migrations.session import Session

_KEY = int.from_bytes(hashlib.sha256(b"stagedoor").digest()[:8], "big", signed=True)
_HIGH, _LOW = (_KEY >> 32) & 0xFFFFFFFF, _KEY & 0xFFFFFFFF
_MARK = int.from_bytes(hashlib.sha256(b"stagedoor version").digest()[:4], "big", signed=True)

IDLE = 5.0
"""How many seconds an earlier session of the same record may hold the lock and do nothing: whoever worked on it was
frozen, and would keep production's locks until it wakes up."""

_HOLDER = """
select a.pid, a.application_name, a.backend_start, exists (
  select from pg_catalog.pg_locks m
  where m.pid = l.pid and m.locktype = 'advisory' and m.objsubid = 2 and m.granted
    and m.classid::bigint = %s and m.objid::bigint = %s
), case when a.state like 'idle%%' then extract(epoch from pg_catalog.clock_timestamp() - a.state_change)::float
   else 0 end
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.classid::bigint = %s and l.objid::bigint = %s
  and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
"""

_BLOCKERS = """
select b.pid, a.usename, a.application_name, a.state, a.xact_start, a.query, a.backend_type
from unnest(pg_catalog.pg_blocking_pids(%s)) b (pid) left join pg_catalog.pg_stat_activity a using (pid)
order by a.xact_start
"""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The session that holds Stagedoor's lock; `same_version`: it works on the very file that we want to put in."""

    pid: int
    application: str
    since: datetime
    same_version: bool
    idle: float = 0.0
    """For how many seconds it has done nothing at all."""

    def __str__(self) -> str:
        if not self.pid:
            return "which could not be seen"
        return f"pid {self.pid}, {self.application or 'unnamed'}, connected since {_clock(self.since)}"


_TAKE = """
select case when pg_catalog.pg_try_advisory_lock(%s::bigint) then pg_catalog.pg_try_advisory_lock(%s::int, %s::int) end
"""


def take(session: Session, version: str, patience: float, stopping: Callable[[], bool]) -> Holder | None:
    """Take Stagedoor's lock for this session, until it ends; returns who holds it if that is somebody else.

    It is tried and not waited for: a waiter would be part of the server's deadlock detection. The lock is
    the session's own, so that a backend whose client was killed keeps it for as long as it still works. One that
    does nothing, for its client was frozen, is ended.
    """
    deadline = time.monotonic() + patience
    holder: Holder | None = None
    while True:
        if session.query(_TAKE, _KEY, _MARK, _mark(version))[0][0] is not None:
            return None
        holder = _holder(session, version) or holder
        if holder is not None and holder.idle > IDLE and _record(holder.application) == _record(session.application):
            _end(session, holder)
        if time.monotonic() > deadline or stopping():
            return holder or Holder(pid=0, application="", since=datetime.now(UTC), same_version=True)
        time.sleep(random.uniform(0.05, 0.2))  # noqa: S311  (jitter, no secret)


def keep(before: str, version: str) -> str:
    """The words by which a session that has the lock turns to another version; they end in whether it has it still.

    The server counts how often a session took a lock, so that asking once more changes nothing, and a file may have
    let it go.
    """
    return (
        f"select pg_catalog.pg_advisory_unlock({_MARK}, {_mark(before)}); "
        f"select pg_catalog.pg_try_advisory_lock({_MARK}, {_mark(version)}); "
        f"select pg_catalog.pg_try_advisory_lock({_KEY})"
    )


def _record(application: str) -> str:
    """Whose work a session does: `stagedoor:P-1.2.1` that of P-1."""
    return application.partition(".")[0]


def _end(session: Session, holder: Holder) -> None:
    """End a session that was left behind, unless the server lets nobody do so: then it is waited for."""
    with suppress(psycopg.Error):
        session.query(
            "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity"
            " where pid = %s and backend_start = %s and state like 'idle%%'", holder.pid, holder.since,
        )


def _holder(session: Session, version: str) -> Holder | None:
    mark = (_MARK & 0xFFFFFFFF, _mark(version) & 0xFFFFFFFF)
    rows = session.query(_HOLDER, *mark, _HIGH, _LOW)
    if not rows:
        return None
    pid, application, since, same, idle = rows[0]
    return Holder(pid=pid, application=application or "", since=since, same_version=same, idle=idle or 0.0)


def _mark(version: str) -> int:
    return int.from_bytes(hashlib.sha256(version.encode()).digest()[:4], "big", signed=True)


def blockers(session: Session) -> tuple[str, ...]:
    """Who keeps this session's statement waiting right now, as sentences; asked from the connection beside it."""
    return tuple(_blocker(*row) for row in session.query(_BLOCKERS, session.pid, beside=True))


_WAITING = """
select coalesce(max(extract(epoch from pg_catalog.clock_timestamp() - (to_jsonb(l) ->> 'waitstart')::timestamptz)), 0)
from pg_catalog.pg_locks l where l.pid = %s and not l.granted
"""


def waiting(session: Session) -> float:
    """For how many seconds this session's statement has waited for the lock that it waits for; from Postgres 14 on."""
    return float(session.query(_WAITING, session.pid, beside=True)[0][0])


def _blocker(
    pid: int, user: str | None, application: str | None, state: str | None, since: datetime | None, query: str | None,
    backend: str | None,
) -> str:
    if pid == 0:
        return "a prepared transaction, which has no session"
    if backend == "autovacuum worker":
        return f"pid {pid}, {_autovacuum(query or '')}{f', since {_clock(since)}' if since else ''}"
    doing = _without_values(query or "")
    parts = (
        f"pid {pid}", f"user {user}" if user else "", f'application "{application}"' if application else "",
        f"in its transaction since {_clock(since)}" if since else "", state or "",
        f"last statement: {doing}" if doing else "",
    )
    return ", ".join(part for part in parts if part)


def _autovacuum(query: str) -> str:
    """Postgres takes a common autovacuum away from who wants its table; one against wraparound it lets end."""
    what = f"autovacuum ({_without_values(query).removeprefix('autovacuum: ')})"
    if "wraparound" in query:
        return f"{what}: it keeps transaction ids from running out, is not interrupted, and ends by itself"
    return what


def _without_values(query: str) -> str:
    """The statement on one short line, without the values in it: they may be customers'."""
    masked = re.sub(r"'(?:[^']|'')*'?|\$(\w*)\$.*?(?:\$\1\$|\Z)", "'…'", query, flags=re.DOTALL)
    line = " ".join(re.sub(r"\b\d+(?:\.\d+)?\b", "…", masked).split())
    return line if len(line) <= 100 else line[:99] + "…"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"

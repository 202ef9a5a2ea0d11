"""Sees what a file really does while it runs: the locks that each statement takes, and the rows it changes.

It asks on the applying session itself, within the file's transaction, so that nothing has to be guessed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from bot.domain.entry import Json
from bot.migrations.catalog.closely import Closely
from bot.migrations.catalog.scope import MINE_AND_SHARED
from bot.migrations.session import Session

MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)
"""From the lightest to the heaviest."""
BLOCKS_WRITING, BLOCKS_READING = MODES.index("ShareLock"), MODES.index("AccessExclusiveLock")

_MINE = MINE_AND_SHARED.replace("from pg_namespace", "from pg_catalog.pg_namespace")
_LOCKS = f"""
with {_MINE}
select pg_catalog.format('%I.%I', n.nspname, c.relname), l.mode
from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation join mine n on n.oid = c.relnamespace
where l.pid = pg_catalog.pg_backend_pid() and l.granted and l.locktype = 'relation' and c.relkind in ('r', 'p', 'm')
"""  # noqa: S608  (our own words)
_ROWS = """
select pg_catalog.format('%I.%I', schemaname, relname), n_tup_ins, n_tup_upd, n_tup_del
from pg_catalog.pg_stat_xact_user_tables
where n_tup_ins + n_tup_upd + n_tup_del > 0 and schemaname <> 'supabase_migrations'
"""

# Whatever empties or rewrites a table gives it another file.
_FILES = f"""
with {_MINE}
select pg_catalog.format('%I.%I', n.nspname, c.relname), c.oid::bigint, c.relfilenode::bigint,
  pg_catalog.has_table_privilege(c.oid, 'select')
from pg_catalog.pg_class c join mine n on n.oid = c.relnamespace where c.relkind = 'r'
"""  # noqa: S608  (our own words)
_MORE = "select count(*) > {most} from (select from {table} limit {most} + 1) few"

Rows = dict[str, tuple[int, int, int]]


class Witness:
    """One file's witness; it is told when the transaction began, around each statement, and before COMMIT.

    `unread` are the statements, by number, that hold lines which nobody could read: it looks closely at these.
    """

    def __init__(self, session: Session, unread: Mapping[int, Sequence[int]]) -> None:
        self._session = session
        self._unread = unread
        self._closely = Closely(session)
        self._held: dict[str, tuple[int, int, float]] = {}
        self._rows: Rows = {}
        self._before: Rows = {}
        self._files: dict[int, int] = {}
        self._emptied: list[str] = []
        self._began = time.monotonic()

    def begin(self) -> None:
        """What an earlier file of this session did may still be counted: it is no part of this one."""
        self._before = self._counted()
        self._files = {oid: file for _, oid, file, _ in self._session.query(_FILES)}
        if self._unread:
            self._closely.begin()
        self._began = time.monotonic()

    def before(self, statement: int) -> None:
        """A statement is about to run."""
        if statement in self._unread:
            self._closely.before()

    def after(self, statement: int) -> None:
        """Look which locks there are now; one that is new is held since this statement began."""
        for table, mode in self._session.query(_LOCKS):
            weight = MODES.index(mode) if mode in MODES else 0
            if weight > self._held.get(table, (-1, 0, 0.0))[0]:
                self._held[table] = (weight, statement, self._began)
        if statement in self._unread:
            self._closely.after(self._unread[statement])
        self._began = time.monotonic()

    def ending(self) -> None:
        """All statements ran; what they put off until the end comes next."""
        if self._unread:
            self._closely.before()

    def finish(self) -> None:
        """Read what the transaction itself counted; a moment later it is over and the counts are mixed with others'."""
        if self._unread:
            self._closely.after(())
        self._rows = self._counted()
        self._emptied = [
            name for name, oid, file, readable in self._session.query(_FILES)
            if self._files.get(oid, file) != file and not (readable and self._holds_more(name))
        ]

    def told(self) -> dict[str, Json]:
        """All of it, once the transaction is over and its locks are free."""
        now = time.monotonic()
        return {
            "locks": [
                {"table": table, "mode": MODES[weight], "statement": statement, "seconds": round(now - since, 6)}
                for table, (weight, statement, since) in sorted(self._held.items())
            ],
            "rows": {table: list(counts) for table in sorted(self._rows) if any(counts := self._changed(table))},
            **({"emptied": list[Json](sorted(self._emptied))} if self._emptied else {}),
            **({"unread": list[Json](self._closely.seen)} if self._unread else {}),
        }

    def _holds_more(self, table: str) -> bool:
        """Whether there are more rows in it than the transaction itself put there: then they were there before."""
        own = self._changed(table)[0] if table in self._rows else 0
        return bool(self._session.query(_MORE.format(table=table, most=own))[0][0])

    def _changed(self, table: str) -> tuple[int, int, int]:
        now, before = self._rows[table], self._before.get(table, (0, 0, 0))
        return (max(0, now[0] - before[0]), max(0, now[1] - before[1]), max(0, now[2] - before[2]))

    def _counted(self) -> Rows:
        return {table: (int(i), int(u), int(d)) for table, i, u, d in self._session.query(_ROWS)}

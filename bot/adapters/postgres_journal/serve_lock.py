"""Which of several processes serves a store on Postgres: an advisory lock, held by a connection of its own."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Final

import psycopg
import structlog

from bot.adapters.postgres_journal.connections import connected, hung_up, prove_session
from bot.adapters.postgres_journal.schema import Db
from bot.adapters.postgres_journal.trouble import sentences
from bot.errors import StagedoorError, Unreachable

log = structlog.get_logger(__name__)

LOCK: Final = (0x53746467, 2)
LOOK = 0.5
"""Seconds between two looks whether the server hung up, which costs nothing."""

BEATS = 4
"""Looks between two questions to the server: a silent connection is found dead within ten seconds."""

SILENT = 8.0
"""After how many seconds without an answer the connection of the lock counts as lost."""

FRESH = 6.0
"""For how many seconds an answer of the server counts. A process that was frozen has to ask again before it acts."""

# A client must miss its server (8 s) long before the server misses the client and gives the lock to another (25 s).
_CLIENT: Final = {"keepalives_idle": 3, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 8_000}
_SERVER: Final = "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3"

_HOLDER: Final = """
    select a.pid, a.application_name as name from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.classid = %s and l.objid = %s and l.objsubid = 2 and l.granted
        and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
"""


class PostgresServeLock:
    """The right to serve a store. As a context it is released at the end; kill -9 releases it as well."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = f"stagedoor-serve:{secrets.token_hex(4)}:{os.getpid()}@{socket.gethostname()}"[:63]
        self._db: Db | None = None
        self._held = False
        self._over = Event()
        self._watcher: Thread | None = None
        self._asked = float("-inf")
        self._asking = Lock()

    def try_acquire(self) -> bool:
        """True when this handle holds the lock now. Raises `Unreachable`."""
        if not self._held:
            begun = time.monotonic()
            try:
                with sentences():
                    row = self._connection().execute("select pg_try_advisory_lock(%s, %s) as mine", LOCK).fetchone()
            except BaseException:
                self._drop()
                raise
            self._held = row is not None and bool(row["mine"])
            self._asked = begun
        return self._held

    def acquire(self, poll: float, stop: Event) -> bool:
        """Stand by until the lock is free, looking every `poll` seconds; False when `stop` was set before.

        A store that is out of reach is waited for: its return may be the very moment to take over.
        """
        while True:
            with suppress(Unreachable):
                if self.try_acquire():
                    return True
            if stop.wait(poll):
                return False

    def holder(self) -> str | None:
        """The process that holds the lock, as far as it can be seen; for a sentence to a person, never a decision."""
        with suppress(StagedoorError, psycopg.Error):
            for _, name in self._holders():
                return name.rpartition(":")[2]
        return None

    def watch(self, lost: Callable[[], None]) -> None:
        """Call `lost`, from a thread, once the lock has gone to another process.

        A connection that breaks is made anew: while the store is away nobody can serve, and when it is back
        the lock is either taken again or known to be another's.
        """
        self._watcher = Thread(target=self._watch, args=(lost,), name="serve lock", daemon=True)
        self._watcher.start()

    def sure(self) -> bool:
        """Whether the lock is ours as far as anybody can know without asking: another process may serve by now."""
        if time.monotonic() - self._asked > FRESH:
            return False
        if not self._asking.acquire(timeout=LOOK):      # it is being asked just now, and the answer does not come
            return False
        try:
            return self._held and self._db is not None and not hung_up(self._db)
        finally:
            self._asking.release()

    def release(self) -> None:
        self._over.set()
        if self._watcher is not None:
            self._watcher.join(15)
            self._watcher = None
        if self._held and self._db is not None:
            with suppress(psycopg.Error):  # a pooler may keep the session although this client has gone
                self._db.execute("select pg_advisory_unlock(%s, %s)", LOCK)
        self._drop()
        self._over.clear()

    def __enter__(self) -> PostgresServeLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _watch(self, lost: Callable[[], None]) -> None:
        looks = 0
        while not self._over.wait(LOOK):
            looks += 1
            with self._asking:
                alive = self._alive(ask=looks % BEATS == 0)
            if not alive and not self._taken_again():
                lost()
                return

    def _alive(self, *, ask: bool) -> bool:
        if self._db is None or hung_up(self._db):
            return False
        try:
            if ask:
                begun = time.monotonic()
                self._db.execute("select 1")
                self._asked = begun
        except psycopg.Error:
            return False
        return True

    def _taken_again(self) -> bool:
        """Wait until the store answers; True when the lock is ours then, or nobody wants it any more."""
        log.warning("store.lock_lost", why="its connection broke", doing="taking it again")
        self._drop()
        while not self._over.is_set():
            try:
                if self.try_acquire():
                    log.info("store.lock_taken_again")
                    return True
                if not self._end_own_ghost():
                    return False
            except (StagedoorError, psycopg.Error):
                pass
            self._over.wait(LOOK / 2)
        return True

    def _end_own_ghost(self) -> bool:
        """End a session of this very process that the server still believes in; False when another's holds the lock."""
        ghosts = [pid for pid, name in self._holders() if name == self._name]
        for pid in ghosts:
            self._connection().execute("select pg_terminate_backend(%s)", [pid])
        return bool(ghosts) or not self._holders()

    def _holders(self) -> list[tuple[int, str]]:
        rows = self._connection().execute(_HOLDER, LOCK).fetchall()
        return [(int(row["pid"]), str(row["name"] or "")) for row in rows]

    def _connection(self) -> Db:
        if self._db is None:
            db = connected(self._url, self._name, **_CLIENT)
            db.patience = SILENT
            try:
                with sentences():
                    db.execute("select set_config('application_name', %s, false)", [self._name])
                    db.execute(_SERVER)
                prove_session(db, self._url)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _drop(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db, self._held = None, False

"""The way to the store's Postgres: pooled connections that are replaced when the server went away."""

from __future__ import annotations

import secrets
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from bot.adapters.postgres_journal.schema import Db, move_forward, version_of
from bot.adapters.postgres_journal.trouble import NOTHING, UNKNOWN, not_connected, sentences
from bot.adapters.turns import Turns
from bot.answering import Answering
from bot.errors import Refused, StagedoorError
from bot.ports import Clock

CONNECTIONS: Final = 5
"""At most; with the one of the lock this stays far below the fifteen that a small session pooler has."""

PATIENCE: Final = 5.0
"""Seconds to wait for a connection, while the server restarts or all are in use."""

IMPATIENCE: Final = 0.1
"""Seconds for those who queue for the chain once one of them waited in vain, or they would wait one after the other."""

ASK_AGAIN: Final = 0.5

# SET, not given at start-up: poolers drop start-up options. What is acknowledged has to be on disk, whatever a
# server's default says; a stronger default (replicas that must have applied it) stays. A process that is frozen in the
# middle of a write holds the head of the chain: whoever serves next waits shorter for it than for any lock.
_SETTINGS: Final = """
    set client_encoding = 'UTF8'; set timezone = 'UTC'; set statement_timeout = '30s'; set lock_timeout = '15s';
    set idle_in_transaction_session_timeout = '5s';
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'
"""
_OPTIONS: Final[dict[str, Any]] = {
    "autocommit": True, "row_factory": dict_row, "connect_timeout": 5, "keepalives": 1, "keepalives_idle": 10,
    "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}


def connected(url: str, application: str = "stagedoor-store", **options: int) -> Db:
    """A connection of its own with our settings. Raises `Unreachable`, or `Refused` for what is no address."""
    try:
        db: Db = Answering.connect(url, **{**_OPTIONS, **options}, application_name=application)
    except psycopg.Error as error:
        raise not_connected(error) from None
    try:
        with sentences():
            _settle(db)
    except BaseException:
        db.close()
        raise
    return db


def prove_session(db: Db, url: str) -> None:
    """Raise `Refused` unless the connection keeps its backend between transactions, as locks need it."""
    nonce = secrets.token_hex(8)
    with connected(url) as beside, sentences():
        db.execute("select set_config('stagedoor.session', %s, false)", [nonce])
        beside.execute("begin")
        seen = "select current_setting('stagedoor.session', true) as nonce"
        other, own = beside.execute(seen).fetchone(), db.execute(seen).fetchone()
        beside.execute("rollback")
    assert other is not None
    assert own is not None
    if other["nonce"] == nonce or own["nonce"] != nonce:
        raise Refused(
            "STAGEDOOR_STORE_URL leads to a transaction pooler, where locks do not hold. "
            "Use the direct address or the session pooler's, both on port 5432.",
        )


def begun(url: str) -> bool:
    """Whether a store was ever begun there; nothing is created."""
    with connected(url) as db, sentences():
        return version_of(db) > 0


class Connections:
    """An open store. Everything is durable when `writing` has ended."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock, self._turns, self._away = clock, Turns(), False
        with connected(url) as db:
            prove_session(db, url)
            with sentences():
                move_forward(db, clock.now())
        self._pool: ConnectionPool[Db] = ConnectionPool(
            url, connection_class=Answering, kwargs={**_OPTIONS, "application_name": "stagedoor-store"},
            configure=_settle, min_size=1, max_size=CONNECTIONS, reconnect_timeout=2.0, num_workers=2, name="store",
            open=True,
        )

    @contextmanager
    def writing(self, *, patience: float = PATIENCE) -> Iterator[Db]:
        """A transaction: all of it is kept, or nothing. Raises `Unreachable`, which says if nobody can know which."""
        with self._connection(patience) as db:
            with sentences():
                db.execute("begin")
            try:
                with sentences():
                    yield db
            except BaseException:
                _undo(db)
                raise
            with sentences(UNKNOWN):
                db.execute("commit")

    @contextmanager
    def writing_in_turn(self) -> Iterator[Db]:
        """As `writing`, one thread of this process after the other.

        Otherwise every connection of the pool would be taken by somebody who waits for the head of the chain.
        """
        with self._turns.turn(), self.writing(patience=IMPATIENCE if self._away else PATIENCE) as db:
            yield db

    @contextmanager
    def reading(self, *, patience: float = PATIENCE, outcome: str = NOTHING) -> Iterator[Db]:
        """A connection for single statements, each a transaction of its own."""
        with self._connection(patience) as db, sentences(outcome):
            yield db

    def close(self) -> None:
        """Let a running write of the chain end, then close every connection."""
        with self._turns.turn():
            self._pool.close()

    @contextmanager
    def _connection(self, patience: float) -> Iterator[Db]:
        with sentences():
            db = self._taken(time.monotonic() + patience)
        try:
            yield db
        finally:
            self._pool.putconn(db)

    def _taken(self, until: float) -> Db:
        while True:
            try:
                # Asking again is what makes a pool that gave up try once more.
                db = self._pool.getconn(timeout=max(0.01, min(ASK_AGAIN, until - time.monotonic())))
            except PoolTimeout:
                if time.monotonic() < until:
                    continue
                self._away = True
                raise
            if not hung_up(db):
                self._away = False
                return db
            db.close()
            self._pool.putconn(db)  # which replaces it


def hung_up(db: psycopg.Connection[Any]) -> bool:
    """Whether the server has gone: its last words wait in the socket, so that this costs no round trip."""
    try:
        words = select.poll()
        words.register(db.fileno(), select.POLLIN)
        for _ in range(8):
            if not words.poll(0):
                return False
            db.pgconn.consume_input()
    except psycopg.Error:
        pass
    return True


def _settle(db: psycopg.Connection[Any]) -> None:
    db.execute(_SETTINGS)


def _undo(db: Db) -> None:
    with suppress(psycopg.Error, StagedoorError):
        db.execute("rollback")
        return
    db.close()

"""The SQLite file itself: opened safely, one writer at a time in the order of asking, readers that never wait."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from threading import Lock

from bot.adapters.links import moment
from bot.adapters.sqlite_journal.schema import indexed, move_forward, version_of
from bot.adapters.turns import Turns
from bot.errors import Refused, StagedoorError, Unreachable
from bot.ports import Clock

PATIENCE = 15.0
"""Seconds that a write waits for another process before it gives up."""

IDLE_READERS = 8


class Store:
    """An open store file. Everything is durable when `writing` has ended (WAL with synchronous=FULL)."""

    def __init__(self, path: Path, clock: Clock, *, full_text: bool = True) -> None:
        self.path, self._clock = path, clock
        self._turns, self._readers, self._guard, self._closed = Turns(), list[Connection](), Lock(), False
        with self._sentences():
            _create(path)
            self._writer = self._connect()
            try:
                self._prepare(full_text)
            except Refused as error:
                self._writer.close()
                raise Refused(f"The store {path} cannot be used. {error}") from None
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def writing(self, *, urgent: bool = False) -> Iterator[Connection]:
        """A write transaction: all of it is kept, or nothing."""
        with self._turns.turn(urgent=urgent):
            if self._closed:
                raise Unreachable("The store was closed; nothing was written.")
            with self._sentences(), self._transaction() as db:
                yield db

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read from; no writer waits for it, and it waits for none."""
        with self._guard:
            if self._closed:
                raise Unreachable("The store was closed.")
            db = self._readers.pop() if self._readers else None
        with self._sentences():
            if db is None:
                db = self._connect()
                db.execute("PRAGMA query_only = ON")
            try:
                yield db
            except BaseException:
                db.close()
                raise
        with self._guard:
            if self._closed or len(self._readers) >= IDLE_READERS:
                db.close()
            else:
                self._readers.append(db)

    def close(self) -> None:
        """Let a running write end, then close the file."""
        with self._turns.turn(), self._guard:
            if not self._closed:
                self._closed = True
                for db in (*self._readers, self._writer):
                    db.close()

    def forget(self) -> None:
        """Overwrite what was deleted in the write-ahead log as well, as far as readers allow it now."""
        with self._turns.turn():
            if self._closed:
                return
            # A reader in another process may be long at it, and this holds up every writer: worth a moment only.
            self._writer.execute("PRAGMA busy_timeout = 200").fetchall()
            with suppress(sqlite3.OperationalError):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._writer.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}").fetchall()

    def _connect(self) -> Connection:
        # Autocommit, since sqlite3 would begin a deferred transaction: two such writers fail each other at once.
        connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA recursive_triggers = ON")
        return connection

    def _prepare(self, full_text: bool) -> None:
        db = self._writer
        version_of(db)
        _to_wal(db)
        # fullfsync matters on macOS alone, where a plain fsync does not reach the disk.
        for setting in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON", "secure_delete = ON"):
            db.execute(f"PRAGMA {setting}")
        with self._transaction():
            move_forward(db, full_text=full_text, at=moment(self._clock.now()))
        self.indexed = indexed(db)
        if self.indexed:
            db.execute("SELECT seq FROM findable ORDER BY seq DESC LIMIT 1").fetchall()
            db.execute("SELECT rowid FROM findable_fts LIMIT 1").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        db = self._writer
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.commit()
        except BaseException:
            db.rollback()
            raise

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            sentence = _told(self.path, error)
            if sentence is None:
                raise
            raise sentence from error


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise Refused(f"The store {path} cannot be opened: {error.strerror}.") from error


def _to_wal(db: Connection) -> None:
    # Two processes that open a new store at once: this one switch does not wait by itself.
    until = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _told(path: Path, error: sqlite3.Error) -> StagedoorError | None:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return Refused(f"{path} is not a store: SQLite cannot read it. Name another file in STAGEDOOR_STORE_URL.")
        case sqlite3.SQLITE_CORRUPT:
            return Refused(f"The store {path} is damaged ({error}). Stop, keep the file, and restore the newest copy.")
        case sqlite3.SQLITE_BUSY:
            return Unreachable(f"Another process has held the store {path} for {PATIENCE:.0f} s; nothing was written.")
        case sqlite3.SQLITE_FULL:
            return Unreachable(f"The disk of the store {path} is full; nothing was written.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Refused(f"The store {path} cannot be opened for writing. Check who owns the file and its folder.")
        case sqlite3.SQLITE_IOERR:
            return Unreachable(f"The disk of the store {path} failed ({error}); nothing was written.")
        case _:
            return None

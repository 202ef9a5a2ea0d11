"""Readers and writers of a table who never rest, and how long the unluckiest of them had to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

READ, WRITE = "select count(*) from busy where id = 1", "update busy set note = 'x' where id = 2"


class Readers:
    """The longest wait of each kind of statement so far, in seconds, and how many were answered."""

    def __init__(self) -> None:
        self.longest = {READ: 0.0, WRITE: 0.0}
        self.answered = 0
        self._over = threading.Event()

    def work(self, address: str, statement: str) -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            while not self._over.is_set():
                begun = time.monotonic()
                connection.execute(statement.encode())
                self.longest[statement] = max(self.longest[statement], time.monotonic() - begun)
                self.answered += 1
                time.sleep(0.005)

    def end(self) -> None:
        self._over.set()


@contextmanager
def at_work(address: str, each: int = 2) -> Iterator[Readers]:
    """Some readers and as many writers; when it is over, nobody waits any more."""
    readers = Readers()
    statements = [READ] * each + [WRITE] * each
    threads = [threading.Thread(target=readers.work, args=(address, statement)) for statement in statements]
    for thread in threads:
        thread.start()
    try:
        yield readers
    finally:
        readers.end()
        for thread in threads:
            thread.join()


@contextmanager
def long_report(address: str, seconds: float) -> Iterator[None]:
    """Somebody whose transaction has read the table, for so long."""
    with psycopg.connect(address) as connection:
        connection.execute("select count(*) from busy")
        over = threading.Timer(seconds, connection.rollback)
        over.start()
        try:
            yield
        finally:
            over.join()


def busy(address: str, rows: int = 1000) -> None:
    """The table that they all want."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("create table busy (id int primary key, note text)")
        connection.execute("insert into busy select g, g from generate_series(1, %s) g", (rows,))

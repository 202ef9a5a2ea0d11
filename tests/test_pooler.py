"""The journal on Postgres through a pooler, as Supabase offers one: session mode works, transaction mode is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bot.adapters.postgres_journal import PostgresJournal, PostgresServeLock
from bot.adapters.system_clock import SystemClock
from bot.domain.entry import Fact, audit
from bot.errors import Refused
from bot.ports import Delivery
from bot.scrub import Scrubber
from tests.pooler import pgbouncer, pooled
from tests.postgres import Fresh

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(pgbouncer() is None and not os.environ.get("CI"), reason="needs the package pgbouncer"),
]

FACT = Fact(about="P-1", kind="noted", actor="U1")


@pytest.fixture
def url(database: Fresh) -> Iterator[str]:
    with pooled(database.server, database.name) as url:
        yield url


def opened(url: str) -> PostgresJournal:
    return PostgresJournal(url, SystemClock(), Scrubber())


def test_many_writers_through_a_session_pooler_keep_one_chain(url: str) -> None:
    with closing(opened(url)) as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.append([FACT], key=f"k{number}"), range(200)))
        list(pool.map(
            lambda number: journal.receive(
                Delivery(key=f"d{number}", kind="command", payload={}, received=SystemClock().now()),
            ), range(100),
        ))
        assert len(journal.pending(SystemClock().now())) == 100
        assert audit(journal.entries(), against=journal.head()).entries == 200


def test_connections_that_the_pooler_dropped_are_replaced(url: str, database: Fresh) -> None:
    with closing(opened(url)) as journal:
        for _ in range(3):
            assert journal.append([FACT])
            database.run(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
            )
            threading.Event().wait(0.3)
        assert journal.append([FACT])
        assert audit(journal.entries()).entries == 4


def test_the_serve_lock_holds_through_a_session_pooler_and_ends_with_its_process(url: str) -> None:
    program = (
        "import sys; from bot.adapters.postgres_journal import PostgresServeLock; "
        "lock = PostgresServeLock(sys.argv[1]); print(lock.try_acquire(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as holder, PostgresServeLock(url) as lock:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not lock.try_acquire()
        assert (lock.holder() or "").startswith(f"{holder.pid}@")
        holder.kill()
        stop = threading.Event()
        threading.Timer(10, stop.set).start()
        assert lock.acquire(poll=0.05, stop=stop)


def test_a_lock_that_is_released_is_free_at_once(url: str) -> None:
    with PostgresServeLock(url) as one:
        assert one.try_acquire()
    with PostgresServeLock(url) as other:
        assert other.try_acquire()


def test_a_transaction_pooler_is_refused(database: Fresh) -> None:
    with pooled(database.server, database.name, mode="transaction") as url:
        with pytest.raises(Refused, match="transaction pooler"):
            opened(url)
        with PostgresServeLock(url) as lock, pytest.raises(Refused, match="transaction pooler"):
            lock.try_acquire()

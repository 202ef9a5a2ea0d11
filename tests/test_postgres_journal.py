"""What is Postgres' own about the journal: its schema, its sentences, a server that goes away; and its serve lock."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.postgres_journal import PostgresJournal, PostgresServeLock, begun, serve_lock
from bot.adapters.postgres_journal.schema import VERSIONS
from bot.adapters.postgres_journal.words import OVERLAP, PART
from bot.adapters.sqlite_journal import SqliteJournal
from bot.answering import Answering
from bot.domain.entry import Fact, Opening, audit
from bot.errors import Refused, StagedoorError, Unreachable
from bot.ports import Delivery, Put
from bot.scrub import Scrubber
from rehearsal.postgres import Postgres
from tests.postgres import Fresh
from tests.wire import Wire

FACT = Fact(about="P-1", kind="requested", actor="U1", data={"say": "add region"})


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)


def opened(url: str) -> PostgresJournal:
    return PostgresJournal(url, Clock(), Scrubber())


@pytest.fixture
def journal(database: Fresh) -> Iterator[PostgresJournal]:
    with closing(opened(database.url)) as made:
        yield made


@pytest.fixture
def wire(server: Postgres) -> Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


@pytest.fixture
def wired(database: Fresh, wire: Wire) -> Iterator[PostgresJournal]:
    with closing(opened(wire.url(database.url))) as made:
        yield made


def eventually(act: Callable[[], object], within: float = 10) -> None:
    """Do it again until it works."""
    began = time.monotonic()
    while True:
        try:
            act()
            return
        except Unreachable:
            assert time.monotonic() - began < within, "it never came back"
            time.sleep(0.05)


# The schema


@pytest.mark.parametrize("sql", [
    "update stagedoor.entries set actor = 'U9'", "delete from stagedoor.entries", "truncate stagedoor.entries",
    "insert into stagedoor.entries select * from stagedoor.entries on conflict (seq) do update set actor = 'U9'",
])
def test_the_store_itself_refuses_to_change_an_entry(journal: PostgresJournal, database: Fresh, sql: str) -> None:
    journal.append([FACT])
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        database.run(sql)
    assert audit(journal.entries(), against=journal.head()).entries == 1


def test_a_fork_of_the_chain_cannot_be_written(journal: PostgresJournal, database: Fresh) -> None:
    journal.append([FACT])
    with pytest.raises(psycopg.errors.UniqueViolation, match="previous"):
        database.run(
            "insert into stagedoor.entries select 2, 'x', at, about, kind, actor, data, private_hash, previous, 'x' "
            "from stagedoor.entries",
        )


def test_the_data_is_the_very_text_that_was_hashed(journal: PostgresJournal, database: Fresh) -> None:
    journal.append([replace(FACT, data={"b": 1.0, "a": [10**30, "\0ü"], "B": None})])
    ((text,),) = database.rows("select data from stagedoor.entries")
    assert text == '{"B":null,"a":[' + "1" + "0" * 30 + ',"\\u0000ü"],"b":1.0}'


def test_a_new_store_opened_by_many_at_once(database: Fresh) -> None:
    made: list[PostgresJournal] = []
    threads = [threading.Thread(target=lambda: made.append(opened(database.url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    for journal in made:
        journal.append([FACT])
    assert audit(made[0].entries()).entries == 6
    assert database.rows("select version from stagedoor.schema_versions order by 1") == [
        (version,) for version in range(1, len(VERSIONS) + 1)
    ]
    for journal in made:
        journal.close()


def test_a_newer_release_s_store_is_refused(database: Fresh) -> None:
    opened(database.url).close()
    database.run("insert into stagedoor.schema_versions values (99, now())")
    with pytest.raises(Refused, match=r"newer release \(store version 99"):
        opened(database.url)


def test_a_schema_of_another_program_is_refused_and_left_alone(database: Fresh) -> None:
    database.run("create schema stagedoor", "create table stagedoor.notes (a int)")
    with pytest.raises(Refused, match="another program"):
        opened(database.url)
    assert database.rows("select relname from pg_class where relnamespace = 'stagedoor'::regnamespace") == [("notes",)]


def test_a_schema_that_fails_half_way_leaves_nothing(database: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.adapters.postgres_journal import schema

    monkeypatch.setattr(schema, "VERSIONS", (*VERSIONS, "create table stagedoor.more (a int); select 1 / 0"))
    with pytest.raises(psycopg.errors.DivisionByZero):
        opened(database.url)
    assert database.rows("select to_regnamespace('stagedoor')::text") == [(None,)]
    monkeypatch.undo()
    opened(database.url).close()
    monkeypatch.setattr(schema, "VERSIONS", (*VERSIONS, "create table stagedoor.more (a int)"))
    opened(database.url).close()
    assert database.rows("select max(version) from stagedoor.schema_versions") == [(len(VERSIONS) + 1,)]


def test_a_role_without_rights_is_told_which_it_needs(database: Fresh) -> None:
    database.run("create role stranger login password 'a-password'", user="supabase_admin")
    try:
        with pytest.raises(Refused, match="CREATE on the database"):
            opened(database.url.replace(f"postgres:{database.server.password}", "stranger:a-password"))
    finally:
        database.run("drop role stranger", user="supabase_admin")


# Sentences


def test_out_of_reach_is_said_without_address_and_password(database: Fresh, wire: Wire) -> None:
    wrong = database.url.replace(database.server.password, "hush-hush-hush")
    wire.cut()
    for url, why in (
        (wrong, "refuses the user or the password"), (f"{database.url}-missing", "no such database"),
        (database.url.replace(str(database.server.port), "1"), "nothing listens there"),
        (wire.url(database.url), "does not answer"), ("postgresql://u:hush-hush-hush@stage.invalid/db", "nowhere"),
    ):
        with pytest.raises(Unreachable) as raised:
            opened(url)
        said = str(raised.value)
        assert why in said
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
        for secret in ("127.0.0.1", "hush-hush", database.server.password, "stage.invalid", database.name):
            assert secret not in said
    with pytest.raises(Refused, match="not an address"):
        opened("postgresql://h/db?nonsense=1")


def test_a_closed_store_says_so(journal: PostgresJournal) -> None:
    journal.close()
    journal.close()
    for act in (lambda: journal.append([FACT]), lambda: journal.load("P-1")):
        with pytest.raises(Unreachable, match="closed"):
            act()


# A server that goes away


@pytest.mark.slow
def test_a_server_that_restarts_is_found_again() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # the server runs as somebody else where the tests run as root
        server = stack.enter_context(Postgres(folder / "server", fast=True))
        wire = stack.enter_context(Wire(server.port))
        journal = stack.enter_context(closing(opened(wire.url(server.create("kept")))))
        made = journal.append([replace(FACT, opens=Opening(kind="promotion", project="p", stage="gates"))])
        assert made
        server.stop()
        for act in (
            lambda: journal.append([FACT]), lambda: journal.append([FACT]),
            lambda: journal.receive(Delivery(key="k", kind="command", payload={}, received=Clock().now())),
        ):
            with pytest.raises(Unreachable) as raised:
                act()
            assert "127.0.0.1" not in str(raised.value)
        server.start()
        wire.mend(server.port)
        eventually(lambda: journal.append([FACT]))
        assert audit(journal.entries(), against=made[0].hash).entries == 2


def test_connections_that_were_cut_are_replaced_before_anybody_notices(wired: PostgresJournal, database: Fresh) -> None:
    assert wired.append([FACT])
    database.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stagedoor-store'")
    time.sleep(0.2)
    assert wired.append([FACT])
    assert audit(wired.entries()).entries == 2


def test_a_commit_whose_answer_is_lost_is_not_said_to_be_lost(wired: PostgresJournal, wire: Wire) -> None:
    wired.append([FACT], key="k0")
    wire.cut_at = b"commit\0"
    with pytest.raises(Unreachable, match="nobody knows whether"):
        wired.append([FACT], key="k1")
    assert wired.append([FACT], key="k1") is None, "it was in, and the key says so"


def test_a_write_that_is_cut_off_half_way_leaves_nothing(wired: PostgresJournal, wire: Wire) -> None:
    wire.cut_at = b"update stagedoor.head"
    with pytest.raises(Unreachable, match="nothing was written"):
        wired.append([FACT], key="k1")
    assert list(wired.entries()) == []
    assert wired.append([FACT], key="k1")


def test_a_writer_that_hangs_holds_others_up_only_so_long(
    journal: PostgresJournal, database: Fresh, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bot.adapters.postgres_journal import connections

    monkeypatch.setattr(connections, "_SETTINGS", "set lock_timeout = '200ms'")
    with closing(opened(database.url)) as other, database.connect() as hanging, hanging.transaction():
        hanging.execute("select * from stagedoor.head for update")
        with pytest.raises(Unreachable, match="held the store too long; nothing was written"):
            other.append([FACT])
        assert other.receive(Delivery(key="k", kind="command", payload={}, received=Clock().now()))
    assert journal.append([FACT])


# Shelves and search


def test_erased_words_leave_the_tables(journal: PostgresJournal, database: Fresh) -> None:
    made = journal.append([replace(FACT, private=f"orders of zebra{number} are late") for number in range(5)])
    assert made is not None
    journal.erase(made[3].id, "U2")
    left = database.rows("select text from stagedoor.private")
    left += database.rows("select lexemes::text from stagedoor.private_words")
    assert not [text for (text,) in left if "zebra3" in text]
    assert len(left) == 8


def test_a_long_text_is_found_from_end_to_end(journal: PostgresJournal) -> None:
    words = [f"word{number}" for number in range(3 * PART)]
    journal.append([replace(FACT, data={"sql": "-".join(words), "long": "x" * 3000 + " same same " * 400})])
    for first in range(len(words) - 5):
        assert journal.search("-".join(words[first:first + 5])), first
    assert journal.search("-".join(words[100:100 + OVERLAP]))
    assert not journal.search("word1-word3")
    assert journal.search("x" * 2000)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.text("ab-_ É1", max_size=12), st.text("aBb-_ é1", min_size=1, max_size=5))
def test_both_stores_find_the_same(both: tuple[PostgresJournal, SqliteJournal], said: str, sought: str) -> None:
    fact = replace(FACT, data={"say": said})
    for journal in both:
        journal.append([fact])
    found = [[entry.seq for entry in journal.search(sought, limit=500)] for journal in both]
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def both(
    server: Postgres, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[PostgresJournal, SqliteJournal]]:
    one = opened(server.create("both"))
    other = SqliteJournal(tmp_path_factory.mktemp("both") / "store.db", Clock(), Scrubber())
    yield one, other
    one.close()
    other.close()
    server.drop("both")


def test_two_writers_of_the_same_documents_in_opposite_order(journal: PostgresJournal) -> None:
    def write(keys: str) -> None:
        for number in range(100):
            journal.put([Put(shelf="s", key=key, doc={"n": number}) for key in keys])

    threads = [threading.Thread(target=write, args=(keys,)) for keys in ("abcd", "dcba", "bdac")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key: doc["n"] for key, doc in journal.all("s").items()} == dict.fromkeys("abcd", 99)


# The lock of the process that serves


def test_one_process_serves_and_another_stands_by(database: Fresh) -> None:
    with PostgresServeLock(database.url) as first, PostgresServeLock(database.url) as second:
        assert first.try_acquire()
        assert first.try_acquire()
        assert not second.try_acquire()
        assert (second.holder() or "").startswith(f"{os.getpid()}@")
        first.release()
        assert second.acquire(poll=0.01, stop=threading.Event())
        assert not first.try_acquire()
    assert not begun(database.url), "a lock needs no store"


def test_standing_by_ends_when_asked_to_stop(database: Fresh) -> None:
    stop = threading.Event()
    with PostgresServeLock(database.url) as first, PostgresServeLock(database.url) as second:
        first.try_acquire()
        threading.Timer(0.05, stop.set).start()
        assert not second.acquire(poll=10, stop=stop)


def test_the_lock_ends_with_its_process(database: Fresh) -> None:
    program = (
        "import sys; from bot.adapters.postgres_journal import PostgresServeLock; "
        "lock = PostgresServeLock(sys.argv[1]); print(lock.try_acquire(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, database.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as holder, PostgresServeLock(database.url) as lock:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not lock.try_acquire()
        holder.kill()
        holder.wait()
        began = time.monotonic()
        assert lock.acquire(poll=0.05, stop=threading.Event())
        assert time.monotonic() - began < 2


def test_a_lock_whose_connection_breaks_is_taken_again(database: Fresh, wire: Wire) -> None:
    lost = threading.Event()
    with PostgresServeLock(wire.url(database.url)) as lock, PostgresServeLock(database.url) as other:
        assert lock.try_acquire()
        lock.watch(lost.set)
        wire.hang_up()
        time.sleep(1.5)
        assert not other.try_acquire()
        assert not lost.is_set()


def test_the_session_that_the_server_still_believes_in_is_ended(database: Fresh, wire: Wire) -> None:
    """A wire that broke on one side alone: the server would keep the lock for a process that has lost it."""
    lost = threading.Event()
    with PostgresServeLock(database.url) as lock, PostgresServeLock(database.url) as other:
        assert lock.try_acquire()
        kept = lock._db  # the connection lives on, unknown to its lock
        lock._db = None
        lock.watch(lost.set)
        time.sleep(1.5)
        assert not other.try_acquire()
        assert not lost.is_set()
        assert kept is not None
        kept.close()


def test_a_lock_that_went_to_another_stops_the_process_that_had_it(database: Fresh, wire: Wire) -> None:
    lost = threading.Event()
    with PostgresServeLock(wire.url(database.url)) as lock, PostgresServeLock(database.url) as other:
        assert lock.try_acquire()
        lock.watch(lost.set)
        wire.cut()
        assert other.acquire(poll=0.02, stop=threading.Event())
        assert not lost.wait(0.5), "while the store is away it can do no harm, and it may come back first"
        wire.mend()
        assert lost.wait(3)


def test_standing_by_outlasts_an_outage(database: Fresh, wire: Wire) -> None:
    with PostgresServeLock(database.url) as first, PostgresServeLock(wire.url(database.url)) as second:
        first.try_acquire()
        assert not second.try_acquire()
        wire.cut()
        with pytest.raises(StagedoorError):
            second.try_acquire()
        threading.Timer(0.2, wire.mend).start()
        threading.Timer(0.3, first.release).start()
        assert second.acquire(poll=0.05, stop=threading.Event())


@pytest.mark.slow
def test_a_process_frozen_in_the_middle_of_a_write_holds_up_nobody_for_long(database: Fresh) -> None:
    with closing(opened(database.url)) as frozen, closing(opened(database.url)) as other, ExitStack() as writing:
        writing.enter_context(frozen.chaining())
        began = time.monotonic()
        other.append([FACT])
        assert time.monotonic() - began < 10
        with pytest.raises(Unreachable):
            writing.close()
        frozen.append([FACT])


def test_whoever_was_frozen_is_not_sure_of_the_lock_before_it_has_asked(
    database: Fresh, wire: Wire, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with PostgresServeLock(wire.url(database.url)) as lock:
        assert not lock.sure()
        assert lock.try_acquire()
        assert lock.sure()
        wire.cut()
        assert not lock.sure(), "its connection broke, and another may have the lock"
        wire.mend()
        lock.watch(lambda: None)
        began = time.monotonic()
        while not lock.sure():
            assert time.monotonic() - began < 5
            time.sleep(0.05)
        monkeypatch.setattr(serve_lock, "FRESH", -1.0)      # as if much time had passed since
        assert not lock.sure()


def test_a_store_that_hangs_is_given_up_and_comes_back(wired: PostgresJournal, wire: Wire) -> None:
    """A pooler that swallows what it is given breaks no connection."""
    wired.append([FACT])
    wire.silent = True
    with pytest.MonkeyPatch.context() as impatient:
        impatient.setattr(Answering, "patience", 0.5)
        with pytest.raises(Unreachable):
            wired.append([FACT])
    wire.silent = False
    wire.hang_up()
    eventually(lambda: wired.append([FACT]))
    assert audit(wired.entries()).broken_at is None

"""Files whose only statement runs outside a transaction, on a real Postgres: what is in, what is left, what is next."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from bot.migrations import locks
from bot.migrations.database import PostgresDatabase
from bot.migrations.session import Session
from bot.ports import Done, Failed, InDoubt, Job
from tests.migrations.conftest import Notes, apply, job
from tests.postgres import Fresh

BUILD = "create index concurrently books_title_idx on books (title);"
VERSION = "20260301000000"
INDEX = (
    "select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 'books'::regclass"
    " and indexrelid::regclass::text like 'books_%' order by 1"
)


@pytest.fixture
def books(fresh: Fresh) -> Fresh:
    fresh.run("create table books (id int, title text)", "insert into books select g, g from generate_series(1, 50) g")
    return fresh


class Begun(Notes):
    """Also keeps what was noted of a statement outside a transaction, as the walk does."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[str, Any] = {}

    def note(self, kind: str, data: Any) -> None:
        super().note(kind, data)
        if kind == "alone" and "before" in data:
            self.begun = dict(data)

    @property
    def states(self) -> list[object]:
        return [data["state"] for kind, data in self.noted if kind == "alone"]


@pytest.fixture
def notes() -> Begun:
    return Begun()


def again(production: PostgresDatabase, notes: Begun, sql: str = BUILD, **more: Any) -> Done | Failed | InDoubt:
    """The next try, which knows what the one before noted."""
    return apply(production, job(sql, begun=notes.begun, **more), notes)


@contextmanager
def reading(books: Fresh, application: str = "reports") -> Iterator[psycopg.Connection]:
    """Somebody's long transaction that has read the table."""
    with books.connect(application_name=application) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select count(*) from books")
        yield reader
        reader.execute("rollback")


# What goes in ------------------------------------------------------------------------------------------------------


def test_an_index_is_built_alone_and_its_row_follows(books: Fresh, production: PostgresDatabase, notes: Begun) -> None:
    outcome = apply(production, job(BUILD), notes)
    assert isinstance(outcome, Done)
    assert outcome.said.startswith("CREATE INDEX CONCURRENTLY books_title_idx: it ran alone, outside a transaction")
    assert books.rows(INDEX) == [("books_title_idx", True)]
    assert [(row.version, row.statements) for row in production.history()] == [(VERSION, (BUILD[:-1],))]
    assert notes.states == ["pending", "ran"]
    assert notes.noted[0][0] == "session", "the session is known before anything runs"


@pytest.mark.parametrize("sql", [
    "drop index concurrently books_title_idx", "drop index concurrently if exists public.books_title_idx",
    "reindex index concurrently books_title_idx", "reindex (concurrently) table public.books", "vacuum (analyze) books",
    "vacuum", "create unique index concurrently if not exists books_id_key on only public.books (id) where id > 0",
])
def test_what_else_runs_alone(books: Fresh, production: PostgresDatabase, notes: Begun, sql: str) -> None:
    apply(production, job(BUILD, "1"), Begun())
    assert isinstance(apply(production, job(sql, "2", "1"), notes), Done)
    assert [row.version for row in production.history()] == ["1", "2"]
    assert production.leftovers() == ()
    again_ = apply(production, job(sql, "2", "1"), notes)
    assert isinstance(again_, Done)
    assert again_.recovered


def test_files_of_both_kinds_share_a_session(books: Fresh, production: PostgresDatabase, notes: Begun) -> None:
    files = ("alter table books add column isbn text", "create index concurrently books_isbn_idx on books (isbn)",
             "drop index concurrently books_isbn_idx", "alter table books drop column isbn")
    with production.applier() as applier:
        for number, sql in enumerate(files, 1):
            before = str(number - 1) if number > 1 else None
            assert isinstance(applier.apply(job(sql, str(number), before), notes), Done), sql
    assert len([kind for kind, _ in notes.noted if kind == "session"]) == 1


def test_a_moved_production_is_not_touched(books: Fresh, production: PostgresDatabase, notes: Begun) -> None:
    apply(production, job("select 1", "1"), Begun())
    outcome = apply(production, job(BUILD, "2", head=None), notes)
    assert isinstance(outcome, Failed)
    assert "has moved" in outcome.why
    assert books.rows(INDEX) == []


# What was there before ---------------------------------------------------------------------------------------------


def invalid(books: Fresh) -> None:
    """What a build leaves that did not end."""
    hasty = books.connect(options="-c statement_timeout=300ms")
    with reading(books), hasty as builder, pytest.raises(psycopg.errors.QueryCanceled):
        builder.execute(BUILD)
    assert books.rows(INDEX) == [("books_title_idx", False)]


def test_a_strangers_invalid_index_is_left_alone_and_named(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    invalid(books)
    outcome = apply(production, job(BUILD), notes)
    assert isinstance(outcome, Failed)
    assert "public.books_title_idx is there, INVALID, and no try of Stagedoor's left it" in outcome.why
    assert "DROP INDEX CONCURRENTLY public.books_title_idx" in outcome.why
    assert notes.states == []


def test_our_own_invalid_index_is_dropped_and_built_again(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    notes.begun = {"state": "pending", "kind": "CREATE INDEX CONCURRENTLY", "name": "books_title_idx",
                   "table": "books", "before": []}
    invalid(books)
    assert isinstance(again(production, notes), Done)
    assert notes.states == ["pending", "dropping", "ran"]
    assert books.rows(INDEX) == [("books_title_idx", True)]


@pytest.mark.parametrize(("there", "sql", "why"), [
    (BUILD, BUILD, "valid and just as this file makes it, but not by Stagedoor"),
    ("create index books_title_idx on books (id)", BUILD, "is not the one that this file makes"),
    ("create unique index books_title_idx on books (title)", BUILD, "is not the one that this file makes"),
    ("create table books_title_idx ()", BUILD, "is something else there"),
    ("create index books_title_idx on books (id)",
     "create index concurrently if not exists books_title_idx on books (title)", "is not the one that this file makes"),
])
def test_a_name_that_is_taken(
    books: Fresh, production: PostgresDatabase, notes: Begun, there: str, sql: str, why: str,
) -> None:
    books.run(there)
    outcome = apply(production, job(sql), notes)
    assert isinstance(outcome, Failed)
    assert why in outcome.why
    assert outcome.why.endswith(f"Nothing of {VERSION} add was run.")
    assert production.history() == ()


def test_if_not_exists_is_content_with_just_that_index(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    books.run("create index books_low on books (lower(title) text_pattern_ops desc) include (id) where id > 1")
    sql = (
        'create index concurrently if not exists books_low on public."books"'
        " using btree (lower(title) text_pattern_ops desc) include (id) where (id > 1)"
    )
    assert isinstance(apply(production, job(sql), notes), Done)


def test_somebody_elses_build_is_waited_for(books: Fresh, production: PostgresDatabase, notes: Begun) -> None:
    with ThreadPoolExecutor(1) as pool:
        with reading(books):
            building = pool.submit(books.run, BUILD)
            _until(books, "select from pg_stat_progress_create_index where phase like 'waiting for old%'")
            outcome = apply(production, job(BUILD), notes)
        building.result()
    assert isinstance(outcome, InDoubt)
    assert "none of ours, is building books_title_idx" in outcome.why
    assert notes.states == []


def test_an_orphan_that_builds_is_waited_for_and_its_index_counts(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    """What a killed Stagedoor leaves: a backend that holds the lock and still builds."""
    notes.begun = {"state": "pending", "kind": "CREATE INDEX CONCURRENTLY", "name": "books_title_idx",
                   "table": "books", "before": []}
    with books.connect(application_name="stagedoor:P-1.1.1") as orphan:
        orphan.execute(locks._TAKE, (locks._KEY, locks._MARK, locks._mark(VERSION)))
        with ThreadPoolExecutor(1) as pool:
            with reading(books):
                building = pool.submit(orphan.execute, BUILD.encode())
                _until(books, "select from pg_stat_progress_create_index where phase like 'waiting for old%'")
                outcome = again(production, notes)
            building.result()
    assert isinstance(outcome, InDoubt)
    assert "An earlier session" in outcome.why
    outcome = again(production, notes)
    assert isinstance(outcome, Done)
    assert outcome.recovered
    assert "only its history row was missing" in outcome.said
    assert notes.states == []


# Failures ----------------------------------------------------------------------------------------------------------


def test_what_a_failure_leaves_half_built_is_dropped_again(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    books.run("insert into books values (1, 'twice')")
    outcome = apply(production, job("create unique index concurrently books_id_key on books (id)"), notes)
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.clean, outcome.left, outcome.retry) == ("23505", True, (), False)
    assert outcome.why.endswith("Nothing of it is in.")
    assert "rolled back" not in outcome.why
    assert books.rows(INDEX) == []
    assert notes.states == ["pending", "dropping", "cleared"]
    books.run("delete from books where title = 'twice'")
    assert isinstance(again(production, notes, "create unique index concurrently books_id_key on books (id)"), Done)


def test_a_build_waits_for_old_transactions_and_holds_nobody_up(
    books: Fresh, production: PostgresDatabase, notes: Begun, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.migrations.watch.LONG", 0.1)
    with ThreadPoolExecutor(1) as pool:
        with reading(books) as reader:
            trying = pool.submit(apply, production, job(BUILD, lock_timeout=0.2), notes)
            _until(books, "select from pg_stat_progress_create_index where phase like 'waiting for old%'")
            begun = time.monotonic()
            with books.connect() as others:
                others.execute("update books set title = 'x' where id = 1")
                others.execute("select * from books")
            assert time.monotonic() - begun < 0.5
            while "waiting" not in str(notes.steps[-1].get("doing")):
                time.sleep(0.02)
            pid = reader.info.backend_pid
        assert isinstance(trying.result(), Done)
    told = notes.steps[-1]
    assert str(told["doing"]).startswith("waiting for old snapshots, 0 of 1")
    assert f"pid {pid}, " in str(told["blockers"])
    assert 'application "reports"' in str(told["blockers"])


def test_what_could_not_be_dropped_is_named_and_seen_to_next_time(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    with reading(books):
        outcome = apply(production, job(BUILD, statement_timeout=0.6), notes)
    assert isinstance(outcome, Failed)
    assert outcome.left == ("public.books_title_idx",)
    assert not outcome.clean
    assert 'It waited for: pid' in outcome.why
    assert 'application "reports"' in outcome.why
    assert "It left public.books_title_idx INVALID" in outcome.why
    assert notes.states[-1] == "left"
    assert isinstance(again(production, notes), Done)
    assert books.rows(INDEX) == [("books_title_idx", True)]


def test_a_row_that_could_not_be_written_is_all_that_the_next_try_writes(
    books: Fresh, production: PostgresDatabase, notes: Begun, monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply(production, job("select 1", "1"), Begun())
    with books.connect() as other:
        def hold(kind: str, data: Any) -> None:
            Begun.note(notes, kind, data)
            if data.get("state") == "ran":
                other.execute("begin; lock table supabase_migrations.schema_migrations in exclusive mode")

        monkeypatch.setattr(notes, "note", hold)
        outcome = apply(production, job(BUILD, "2", "1", lock_timeout=0.2), notes)
        other.execute("rollback")
    monkeypatch.undo()
    assert isinstance(outcome, Failed)
    assert (outcome.clean, outcome.retry) == (False, True)
    assert "is in production, but its history row could not be written" in outcome.why
    built = books.rows("select 'books_title_idx'::regclass::oid")
    outcome = apply(production, job(BUILD, "2", "1", begun=notes.begun), notes)
    assert isinstance(outcome, Done)
    assert outcome.recovered
    assert books.rows("select 'books_title_idx'::regclass::oid") == built
    assert [row.version for row in production.history()] == ["1", "2"]


def test_asked_to_stop_a_build_is_cancelled_and_begun_anew_later(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    with reading(books):
        notes.at_progress = lambda data: setattr(notes, "stop", True)
        outcome = apply(production, job(BUILD), notes)
    assert isinstance(outcome, Failed)
    assert outcome.retry
    assert "asked to stop and cancelled" in outcome.why
    assert "INVALID" in outcome.why
    notes.stop, notes.at_progress = False, lambda data: None
    assert isinstance(again(production, notes), Done)


def test_what_a_rebuild_left_is_dropped_before_the_next(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    apply(production, job(BUILD, "1"), Begun())
    sql = "reindex table concurrently books"
    with reading(books):
        outcome = apply(production, job(sql, "2", "1", statement_timeout=0.6), notes)
    assert isinstance(outcome, Failed)
    assert [name for name, valid in books.rows(INDEX) if not valid] == ["books_title_idx_ccnew"]
    assert outcome.left == ("public.books_title_idx_ccnew",)
    assert isinstance(again(production, notes, sql, version="2", head="1"), Done)
    assert books.rows(INDEX) == [("books_title_idx", True)]


def test_an_index_half_dropped_is_dropped_to_the_end(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    books.run("create index books_title_idx on books (title)")
    sql = "drop index concurrently books_title_idx"
    with reading(books):
        outcome = apply(production, job(sql, statement_timeout=0.6), notes)
        assert isinstance(outcome, Failed)
        assert outcome.left == ("public.books_title_idx",)
        assert books.rows(INDEX) == [("books_title_idx", False)]
    assert isinstance(again(production, notes, sql), Done)
    assert books.rows(INDEX) == []


def test_a_build_that_took_too_long_by_itself_says_which_limit_to_raise(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    books.run("create function slow(text) returns text language plpgsql immutable as"
              " $$ begin perform pg_sleep(0.05); return $1; end $$")
    outcome = apply(
        production, job("create index concurrently books_slow on books (slow(title))", statement_timeout=0.4), notes,
    )
    assert isinstance(outcome, Failed)
    assert "raise statement_timeout under [apply]. Nothing of it is in." in outcome.why


def test_a_partition_half_detached_is_detached_to_the_end(
    fresh: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    fresh.run("create table p (id int) partition by range (id)")
    fresh.run("create table q partition of p for values from (1) to (9)")
    sql = "alter table p detach partition q concurrently"
    with fresh.connect() as reader:
        reader.execute("begin; select * from p")
        outcome = apply(production, job(sql, lock_timeout=0.3), notes)
        assert isinstance(outcome, Failed)
        assert outcome.sqlstate == "55P03"
        assert outcome.left == ("q, half detached",)
        assert outcome.why.endswith("It left q half detached from p. The next try finishes that.")
    assert fresh.rows("select inhdetachpending from pg_inherits where inhrelid = 'q'::regclass") == [(True,)]
    assert isinstance(again(production, notes, sql), Done)
    assert fresh.rows("select from pg_inherits where inhrelid = 'q'::regclass") == []
    assert len(production.history()) == 1


@pytest.mark.parametrize(("query", "says"), [
    ("autovacuum: VACUUM public.books (to prevent wraparound)",
     "pid 7, autovacuum (VACUUM public.books (to prevent wraparound)): it keeps transaction ids from running out, is "
     "not interrupted, and ends by itself, since 22:04:00 UTC"),
    ("autovacuum: ANALYZE public.books", "pid 7, autovacuum (ANALYZE public.books), since 22:04:00 UTC"),
])
def test_an_autovacuum_in_the_way_is_called_one(query: str, says: str) -> None:
    since = datetime(2026, 11, 23, 22, 4, tzinfo=UTC)
    assert locks._blocker(7, None, "", "active", since, query, "autovacuum worker") == says


def test_what_ran_is_not_run_again_unless_the_file_was_edited(
    books: Fresh, production: PostgresDatabase, notes: Begun,
) -> None:
    sql = "reindex table concurrently books"
    ran = {"state": "ran", "kind": "REINDEX CONCURRENTLY", "name": "", "table": "books", "before": [],
           "sha256": hashlib.sha256(sql.encode()).hexdigest()}
    notes.begun = ran
    edited = again(production, notes, f"-- twice\n{sql}", version="1")
    assert isinstance(edited, Done)
    assert not edited.recovered
    notes.begun = ran
    outcome = again(production, notes, sql, version="2", head="1")
    assert isinstance(outcome, Done)
    assert outcome.recovered


def test_whoever_is_faster_keeps_the_index(books: Fresh, production: PostgresDatabase, notes: Begun) -> None:
    def faster(data: Any) -> None:
        notes.at_progress = lambda data: None
        invalid(books)

    notes.at_progress = faster
    outcome = apply(production, job(BUILD), notes)
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "42P07"
    assert books.rows(INDEX) == [("books_title_idx", False)]
    outcome = again(production, notes)
    assert isinstance(outcome, Failed)
    assert "no try of Stagedoor's left it" in outcome.why


# Races and crashes -------------------------------------------------------------------------------------------------


def test_two_stagedoors_at_once_build_it_once(books: Fresh, production: PostgresDatabase) -> None:
    both = [Begun(), Begun()]
    with ThreadPoolExecutor(2) as pool:
        outcomes = [one.result() for one in [pool.submit(_until_known, production, notes) for notes in both]]
    assert sorted(isinstance(one, Done) and one.recovered for one in outcomes) == [False, True]
    assert sorted(len(notes.states) for notes in both) == [0, 2]
    assert books.rows(INDEX) == [("books_title_idx", True)]


def _until_known(production: PostgresDatabase, notes: Begun) -> Done | Failed | InDoubt:
    while isinstance(outcome := again(production, notes), InDoubt):
        pass
    return outcome


class Dead(BaseException):
    """A process that was killed: nothing below it runs on."""


@pytest.mark.parametrize("sql", [
    BUILD, pytest.param("drop index concurrently books_id_idx", marks=pytest.mark.slow),
    pytest.param("reindex table concurrently books", marks=pytest.mark.slow),
])
def test_killed_before_and_after_each_word_it_goes_in_once(
    books: Fresh, production: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, sql: str,
) -> None:
    """At every word to the server and every note: the connections break there, and the next try goes on."""
    died, point = True, -1
    while died:
        point += 1
        books.run("drop table books", "create table books (id int, title text)")
        books.run("create index books_id_idx on books (id)", "drop schema if exists supabase_migrations cascade")
        notes, left = Begun(), [point]
        with monkeypatch.context() as patch:
            for owner, name in ((Session, "query"), (Session, "run"), (Session, "script"), (Begun, "note")):
                patch.setattr(owner, name, _deadly(getattr(owner, name), left))
            died = _died(production, job(sql), notes)
        outcome = _until_known_of(production, notes, sql)
        assert isinstance(outcome, Done), (point, outcome)
        expected = {BUILD: ["books_id_idx", "books_title_idx"], "reindex table concurrently books": ["books_id_idx"]}
        assert books.rows(INDEX) == [(name, True) for name in expected.get(sql, [])], point
        assert len(production.history()) == 1
    assert point > 15


def _deadly(method: Any, left: list[int]) -> Any:
    def wrapped(self: Any, *args: Any, **more: Any) -> Any:
        turn, left[0] = left[0], left[0] - 1
        if turn == 0 or (left[0] < -1 and turn < 0):
            raise Dead
        return method(self, *args, **more)

    return wrapped


def _died(production: PostgresDatabase, job: Job, notes: Begun) -> bool:
    try:
        apply(production, job, notes)
    except Dead:
        return True
    return False


def _until_known_of(production: PostgresDatabase, notes: Begun, sql: str) -> Done | Failed | InDoubt:
    while isinstance(outcome := again(production, notes, sql), InDoubt):
        pass
    return outcome


def _until(fresh: Fresh, query: str) -> None:
    with fresh.connect() as connection:
        while not connection.execute(query.encode()).fetchall():
            time.sleep(0.02)

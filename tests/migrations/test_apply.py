"""The apply protocol on a real Postgres: what is in afterwards, what is not, and what people are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from bot.domain.migration import Match, Migration
from bot.migrations import history, locks
from bot.migrations.database import PostgresDatabase
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.splitter import Statement
from bot.ports import Done, Failed, InDoubt
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh

HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by version"


def test_a_file_goes_in_together_with_its_history_row(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    content = "create table t1(id int);\n-- a comment\ncreate index on t1(id);\n"
    outcome = apply(production, job(content), notes)
    assert isinstance(outcome, Done)
    assert (outcome.statements, outcome.recovered) == (2, False)
    assert fresh.rows(HISTORY) == [
        ("20260301000000", "add", ["create table t1(id int)", "-- a comment\ncreate index on t1(id)"]),
    ]
    assert fresh.rows("select count(*) from pg_indexes where tablename = 't1'") == [(1,)]
    assert notes.steps == [{"statement": 1, "of": 2}, {"statement": 2, "of": 2}]
    assert notes.noted[0][0] == "session"
    assert isinstance(notes.noted[0][1]["pid"], int)


def test_the_history_table_is_the_one_that_the_cli_makes(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    apply(production, job("select 1"), notes)
    assert fresh.rows(
        "select attname::text, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
        " where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 order by attnum"
    ) == [("version", "text", True), ("statements", "text[]", False), ("name", "text", False)]
    assert fresh.rows(
        "select conname::text from pg_constraint"
        " where contype = 'p' and conrelid = 'supabase_migrations.schema_migrations'::regclass"
    ) == [("schema_migrations_pkey",)]


def test_the_runbooks_begin_and_commit_become_our_transaction(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    content = "-- Migration: x\nBEGIN;\ncreate table t1(id int);\nCOMMIT;\n"
    assert isinstance(apply(production, job(content), notes), Done)
    assert fresh.rows(HISTORY)[0][2] == ["-- Migration: x\nBEGIN", "create table t1(id int)", "COMMIT"]


def test_a_failing_statement_leaves_nothing_and_is_named(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    content = "create table t1(id int);\n\n-- then\ninsert into t1\n  values (nosuch);\ncreate table t2(id int);"
    outcome = apply(production, job(content), notes)
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.statement, outcome.line, outcome.retry) == ("42703", 2, 5, False)
    assert outcome.why == (
        '20260301000000 add failed at statement 2 of 3, line 5: column "nosuch" does not exist (42703). '
        "It was rolled back; nothing of it is in."
    )
    assert "insert into t1" in outcome.sql
    assert fresh.rows("select to_regclass('t1')") == [(None,)]
    assert production.history() == ()


def test_customers_values_stay_out_of_the_message(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    fresh.run("create table people (email text)", "insert into people values ('ana@example.org'), ('ana@example.org')")
    outcome = apply(production, job("create unique index people_email on people (email)"), notes)
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "23505"
    assert "ana@" not in repr(outcome)


def test_what_a_file_deferred_is_checked_before_its_row_is_written(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    content = (
        "create table a (id int primary key);"
        "create table b (a int references a deferrable initially deferred);"
        "insert into b values (1)"
    )
    outcome = apply(production, job(content), notes)
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "23503"
    assert "after its last statement" in outcome.why


@pytest.mark.parametrize(("content", "sqlstate"), [
    ("create table t1(id int); declare c cursor with hold for select 1 / (v - v) from (values (1)) t (v)", "22012"),
    ("create table t1(id int); insert into supabase_migrations.schema_migrations values ('20260301000000')", "23505"),
    ("create table t1(id int); drop schema supabase_migrations cascade", "42P01"),
    ("create table t1(id int); set local transaction_read_only = on", "25006"),
    ("create table t1(id int); do $$ begin commit; end $$", "2D000"),
    ("create table t1(id int); select pg_cancel_backend(pg_backend_pid())", "57014"),
])
def test_a_nasty_file_is_rolled_back_whole(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, content: str, sqlstate: str,
) -> None:
    outcome = apply(production, job(content), notes)
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.clean, outcome.retry) == (sqlstate, True, False)
    assert "nothing of it is in" in outcome.why
    assert fresh.rows("select to_regclass('t1')") == [(None,)]
    assert production.history() == ()


@pytest.mark.parametrize("content", ["vacuum; select 1", "select 1; commit; select 2", "\xff".encode("latin-1"), ""])
def test_a_file_that_cannot_run_in_one_transaction_is_not_begun(
    production: PostgresDatabase, notes: Notes, content: str | bytes,
) -> None:
    outcome = apply(production, job(content), notes)
    assert isinstance(outcome, Failed)
    assert outcome.why.endswith("Nothing of it was run.")
    assert notes.noted == []


# Locks -------------------------------------------------------------------------------------------------------------


def test_a_lock_that_does_not_come_names_who_holds_it_and_lets_readers_go_on(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    fresh.run("create table busy (id int)", "insert into busy values (1)")
    with fresh.connect(application_name="reports") as reader, reader.transaction():
        pid = reader.info.backend_pid
        reader.execute("select id from busy where id <> 4242 and 'ana@example.org' <> 'x'")
        with ThreadPoolExecutor(1) as pool:
            trying = pool.submit(apply, production, job("alter table busy add column more int", lock_timeout=2), notes)
            _wait_until_blocked(fresh, pid)
            with fresh.connect() as behind:  # it queues behind the one that waits, until that one gives up
                assert behind.execute("select id from busy").fetchall() == [(1,)]
            outcome = trying.result()
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.retry) == ("55P03", True)
    (blocker,) = outcome.blockers
    assert f"pid {pid}," in blocker
    assert 'application "reports"' in blocker
    assert "idle in transaction" in blocker
    assert "4242" not in blocker
    assert "ana@" not in blocker
    assert blocker in outcome.why
    assert isinstance(apply(production, job("alter table busy add column more int"), notes), Done)


def _wait_until_blocked(fresh: Fresh, by: int) -> None:
    with fresh.connect() as connection:
        blocked = "select from pg_stat_activity where %s = any (pg_blocking_pids(pid))"
        while not connection.execute(blocked, (by,)).fetchall():
            time.sleep(0.02)


def test_a_file_may_tighten_the_limits_but_not_loosen_them(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    content = (
        "set lock_timeout = 0; set statement_timeout = '10ms';"
        "create table seen as select current_setting('lock_timeout') l, current_setting('statement_timeout') s;"
        "reset all; insert into seen select current_setting('lock_timeout'), current_setting('statement_timeout')"
    )
    assert isinstance(apply(production, job(content), notes), Done)
    assert fresh.rows("select * from seen") == [("1s", "10ms"), ("1s", "30s")]


def test_a_function_loosens_no_limit_unseen(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    fresh.run(
        "create function loosen() returns void language sql as"
        " $$ select set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true) $$"
    )
    seen = "create table seen as select current_setting('lock_timeout') l, current_setting('statement_timeout') s"
    assert isinstance(apply(production, job(f"select loosen(); {seen}"), notes), Done)
    assert fresh.rows("select * from seen") == [("1s", "30s")]


def test_a_block_that_sets_its_limit_aside_lets_nobody_queue_behind_it_for_longer(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    fresh.run("create table busy (id int)")
    file = "do $$ begin set local lock_timeout = 0; alter table busy add column more int; end $$"
    with fresh.connect(application_name="reports") as reader, reader.transaction():
        reader.execute("select from busy")
        outcome = apply(production, job(file, lock_timeout=0.3, statement_timeout=20), notes)
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.retry, outcome.clean) == ("55P03", True, True)
    assert "waited for a lock for longer than lock_timeout, which it set aside" in outcome.why
    assert 'application "reports"' in outcome.why
    assert isinstance(apply(production, job(file), notes), Done)


def test_what_is_written_is_what_is_stored_whatever_encoding_a_file_claims(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    content = "set client_encoding = 'LATIN1'; create table words (word text); insert into words values ('é')"
    assert isinstance(apply(production, job(content), notes), Done)
    assert fresh.rows("select word from words") == [("é",)]


def test_a_statement_that_takes_too_long_is_not_tried_again(production: PostgresDatabase, notes: Notes) -> None:
    outcome = apply(production, job("select pg_sleep(5)", statement_timeout=0.2), notes)
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.retry) == ("57014", False)
    assert "statement timeout" in outcome.why


def test_a_racing_cli_waits_at_its_history_row(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    apply(production, job("select 1", version="1"), Notes())
    racing = threading.Thread(target=lambda: _insert_row(fresh, "3", errors))
    errors: list[str] = []
    notes.at_progress = lambda data: racing.start()
    outcome = apply(production, job("select pg_sleep(0.4)", version="2", head="1"), notes)
    racing.join()
    assert isinstance(outcome, Done)
    assert errors == []
    assert [row.version for row in production.history()] == ["1", "2", "3"]


def _insert_row(fresh: Fresh, version: str, errors: list[str]) -> None:
    try:
        fresh.run(f"insert into supabase_migrations.schema_migrations (version) values ('{version}')")
    except psycopg.Error as error:
        errors.append(str(error))


# Several files -----------------------------------------------------------------------------------------------------


def several(production: PostgresDatabase, notes: Notes, *files: str) -> list[Done | Failed | InDoubt]:
    """Files 1, 2, 3 … through one applier."""
    with production.applier() as applier:
        return [
            applier.apply(
                job(sql, str(number), str(number - 1) if number > 1 else None, attempt=f"P-1.{number}.1"), notes
            )
            for number, sql in enumerate(files, 1)
        ]


SEEN = (
    "create table if not exists seen (pid int, application text);"
    "insert into seen select pg_backend_pid(), current_setting('application_name')"
)


def test_files_that_go_in_share_a_session_and_it_is_noted_once(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    outcomes = several(production, notes, SEEN, SEEN, SEEN)
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    pids = fresh.rows("select distinct pid from seen")
    assert [data["pid"] for kind, data in notes.noted] == [pid for (pid,) in pids]
    assert f'database "{fresh.name}"' in str(notes.noted[0][1]["server"])
    assert fresh.server.password not in repr(notes.noted)
    names = fresh.rows("select application from seen order by 1")
    assert names == [(f"stagedoor:P-1.{number}.1",) for number in (1, 2, 3)]
    assert [row.version for row in production.history()] == ["1", "2", "3"]


@pytest.mark.parametrize(("first", "then"), [
    ("create temp table left_over (id int)", "do $$ begin assert to_regclass('left_over') is null; end $$"),
    ("set search_path = 'auth'", "do $$ begin assert current_setting('search_path') !~ '^auth'; end $$"),
    ("set role anon", "do $$ begin assert current_user = 'postgres'; end $$"),
    ("set lock_timeout = '7ms'", "do $$ begin assert current_setting('lock_timeout') = '1s'; end $$"),
    ("prepare p as select 1", "do $$ begin assert not exists (select from pg_prepared_statements); end $$"),
    (
        "declare c cursor with hold for select 1",
        "do $$ begin assert not exists (select from pg_cursors where name = 'c'); end $$",
    ),
    ("listen news", "do $$ begin assert not exists (select from pg_listening_channels()); end $$"),
])
def test_a_file_finds_nothing_that_the_one_before_left_in_the_session(
    production: PostgresDatabase, notes: Notes, first: str, then: str,
) -> None:
    outcomes = several(production, notes, first, then)
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True, True], outcomes
    assert len(notes.noted) == 1


@pytest.mark.parametrize(("sql", "sessions"), [
    ("select pg_advisory_lock(1)", 2),        # names such locks: the last file of its session
    ("select pg_advisory_unlock_all()", 2),
    ("select quietly()", 1),                  # lets ours go without naming it: it is taken again
])
def test_a_file_that_plays_with_advisory_locks_neither_keeps_them_nor_takes_ours_away(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, sql: str, sessions: int,
) -> None:
    fresh.run("create function quietly() returns void language sql as 'select pg_catalog.pg_advisory_unlock_all()'")
    held = "create table held as select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    outcomes = several(production, notes, sql, held)
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True, True], outcomes
    assert fresh.rows("select * from held") == [(2,)], "ours, and the mark of the version"
    assert len(notes.noted) == sessions


def test_after_a_failure_the_next_try_gets_a_new_session(production: PostgresDatabase, notes: Notes) -> None:
    with production.applier() as applier:
        assert isinstance(applier.apply(job("select nosuch", "1"), notes), Failed)
        assert isinstance(applier.apply(job("select 1", "1"), notes), Done)
    assert len({data["pid"] for _, data in notes.noted}) == 2


def test_the_lock_stays_between_two_files(production: PostgresDatabase, notes: Notes) -> None:
    with production.applier() as applier:
        assert isinstance(applier.apply(job("select 1", "1"), notes), Done)
        assert isinstance(apply(production, job("select 2", "2", "1"), Notes()), InDoubt)
        assert isinstance(applier.apply(job("select 2", "2", "1"), notes), Done)


def test_a_row_that_came_in_between_two_files_is_refused(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    with production.applier() as applier:
        assert isinstance(applier.apply(job("select 1", "1"), notes), Done)
        fresh.run("insert into supabase_migrations.schema_migrations (version) values ('2')")
        outcome = applier.apply(job("create table t2 (id int)", "2", "1"), notes)
    assert isinstance(outcome, Failed)
    assert "production has moved" in outcome.why
    assert fresh.rows("select to_regclass('t2')") == [(None,)]


def test_a_session_that_the_server_ended_between_two_files_is_a_doubt_and_then_another_one(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    with production.applier() as applier:
        assert isinstance(applier.apply(job("select 1", "1"), notes), Done)
        fresh.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'stagedoor:%'",
            user="supabase_admin",
        )
        outcomes = [applier.apply(job("select 2", "2", "1"), notes) for _ in range(2)]
    assert isinstance(outcomes[0], InDoubt)
    assert isinstance(outcomes[1], Done)


# Who may begin -----------------------------------------------------------------------------------------------------


def test_a_head_that_moved_is_refused(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    apply(production, job("create table t1(id int)", version="1"), notes)
    outcome = apply(production, job("create table t2(id int)", version="3", head="2"), notes)
    assert outcome == Failed(why=(
        "production has moved: its newest migration is 1, not 2 as expected. Nothing of 3 add was run. "
        "Look at what came in between, then ask again."
    ))
    assert fresh.rows("select to_regclass('t2')") == [(None,)]


def test_what_is_said_to_be_in_survives_a_crash_of_the_server(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    """A database whose default is otherwise would lose the last moments of what was committed."""
    assert fresh.rows("show synchronous_commit") == [("off",)]
    apply(production, job("create table seen as select current_setting('synchronous_commit') as commits"), notes)
    assert fresh.rows("select commits from seen") == [("on",)]


def test_two_at_once_put_it_in_once(fresh: Fresh, production: PostgresDatabase) -> None:
    outcomes: list[Done | Failed | InDoubt] = []
    content = "create table once(id int); insert into once values (1); select pg_sleep(0.3)"
    threads = [
        threading.Thread(target=lambda: outcomes.append(
            apply(PostgresDatabase(fresh.url, "production"), job(content), Notes())
        ))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.recovered for outcome in outcomes if isinstance(outcome, Done)) == [False, True]
    assert fresh.rows("select count(*) from once") == [(1,)]


def test_a_session_that_still_works_on_the_file_is_waited_for(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    fresh.run("create table busy (id int)")
    file = "alter table busy add column more int"
    with fresh.connect() as reader, reader.transaction():
        reader.execute("select from busy")
        slow = threading.Thread(target=apply, args=(production, job(file, lock_timeout=60), notes))
        slow.start()
        _wait_until_blocked(fresh, reader.info.backend_pid)
        again = apply(production, job(file, attempt="P-1.1.2"), Notes())
        other = apply(production, job("select 2", version="9", attempt="P-2.1.1"), Notes())
    slow.join()
    assert isinstance(again, InDoubt)
    assert f"pid {notes.noted[0][1]['pid']}, stagedoor:P-1.1.1" in again.why
    assert isinstance(other, InDoubt)
    assert "stagedoor:P-1.1.1" in other.why
    assert "still works on" not in other.why


@pytest.mark.parametrize("words", ["begin; lock table busy", "select 1"])
def test_a_session_that_was_left_behind_is_ended_and_anothers_is_not(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch, words: str,
) -> None:
    """Whoever began was frozen, between two words of its own, and another process has taken over."""
    monkeypatch.setattr(locks, "IDLE", 0.3)
    fresh.run("create table busy (id int)")
    with closing(Session.opened(fresh.url, "production", "stagedoor:P-1.1.1")) as left:
        assert locks.take(left, "20260301000000", 1.0, lambda: False) is None
        left.script(words)
        time.sleep(0.35)
        other = apply(production, job("select 2", version="9", attempt="P-11.1.1"), Notes())
        assert isinstance(other, InDoubt)
        assert isinstance(apply(production, job("drop table busy", attempt="P-1.1.2"), notes), Done)
        with pytest.raises(ConnectionLost):
            left.query("select 1")


def test_a_transaction_pooler_is_refused(fresh: Fresh, notes: Notes) -> None:
    database = PostgresDatabase("postgresql://postgres:secret@db.example.org:6543/postgres", "production")
    outcome = apply(database, job("select 1"), notes)
    assert isinstance(outcome, Failed)
    assert "transaction pooler" in outcome.why
    assert "secret" not in outcome.why


def test_a_pooler_on_another_port_gives_itself_away(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = fresh.connect()

    def pooled(url: str, name: str, application: str) -> psycopg.Connection:
        shared.execute("select set_config('application_name', %s, false)", (application,))
        return shared

    monkeypatch.setattr("bot.migrations.session.connect", pooled)
    outcome = apply(production, job("create table t1(id int)"), notes)
    assert isinstance(outcome, Failed)
    assert "transaction pooler" in outcome.why
    assert fresh.rows("select to_regclass('t1')") == [(None,)]


def test_a_server_that_refuses_writes_is_told_apart(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    fresh.run(f"alter database {fresh.name} set default_transaction_read_only to on")
    outcome = apply(production, job("create table t1(id int)"), notes)
    assert isinstance(outcome, Failed)
    assert "read-only" in outcome.why


# Doubt -------------------------------------------------------------------------------------------------------------


def test_a_row_with_the_same_statements_means_it_is_in(production: PostgresDatabase, notes: Notes) -> None:
    apply(production, job("create table t1(id int)"), notes)
    outcome = apply(production, job("create table t1(id int)", attempt="P-1.1.2"), notes)
    assert outcome == Done(seconds=0.0, statements=1, recovered=True)


def test_a_row_with_other_statements_is_never_taken_for_ours(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    apply(production, job("create table t1(id int)"), notes)
    edited = apply(production, job("create table t1(id bigint)"), notes)
    assert isinstance(edited, Failed)
    assert "with other statements" in edited.why
    fresh.run("update supabase_migrations.schema_migrations set statements = null")
    unknown = apply(production, job("create table t1(id int)"), notes)
    assert isinstance(unknown, Failed)
    assert "without its statements" in unknown.why


def test_a_connection_lost_in_a_statement_leaves_nothing(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    notes.at_progress = lambda data: _kill_soon(fresh) if data["statement"] == 2 else None
    outcome = apply(production, job("create table t1(id int); select pg_sleep(5)"), notes)
    assert isinstance(outcome, Failed)
    assert outcome.retry
    assert "nothing of it is in" in outcome.why
    notes.at_progress = lambda data: None
    assert isinstance(apply(production, job("create table t1(id int); select 1"), notes), Done)


def _kill_soon(fresh: Fresh) -> None:
    end_ours = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'stagedoor:%'"
    threading.Timer(0.2, lambda: fresh.run(end_ours, user="supabase_admin")).start()


SLOW_AT_COMMIT = """
create table t1 (id int);
create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$;
create constraint trigger slow after insert on t1 deferrable initially deferred for each row execute function wait();
create function again() returns trigger language plpgsql as $$
  begin set constraints all deferred; insert into public.t1 values (1); return null; end $$;
create trigger at_the_row after insert on supabase_migrations.schema_migrations execute function again();
"""


def test_a_lost_answer_to_commit_is_decided_by_the_history(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    apply(production, job("select 1", version="1"), notes)
    fresh.run(SLOW_AT_COMMIT)
    _kill_soon(fresh)
    outcome = apply(production, job("select pg_sleep(0.01)", version="2", head="1"), notes)
    assert isinstance(outcome, Failed)
    assert outcome.retry
    assert "while 2 add was committed" in outcome.why
    assert [row.version for row in production.history()] == ["1"]


def test_an_answer_that_only_the_network_lost_is_found_in_the_history(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Session.run

    def losing(self: Session, statement: str, tick: Callable[[], None]) -> str:
        tag = run(self, statement, tick)
        if statement == "commit":
            raise ConnectionLost("the connection was lost")
        return tag

    monkeypatch.setattr(Session, "run", losing)
    assert apply(production, job("create table t1(id int)"), notes) == Done(seconds=0.0, statements=1, recovered=True)


def test_a_server_out_of_reach_is_a_doubt_and_no_failure(notes: Notes) -> None:
    database = PostgresDatabase("postgresql://postgres:hush-hush@127.0.0.1:1/postgres", "production", BRISK)
    outcome = apply(database, job("select 1"), notes)
    assert isinstance(outcome, InDoubt)
    assert outcome.why.startswith("production does not answer: ")
    assert "hush" not in outcome.why


# Stopping ----------------------------------------------------------------------------------------------------------


def test_asked_to_stop_a_running_statement_is_cancelled_after_its_grace(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    notes.at_progress = lambda data: setattr(notes, "stop", data["statement"] == 2)
    begun = time.monotonic()
    outcome = apply(production, job("create table t1(id int); select pg_sleep(20)"), notes)
    assert time.monotonic() - begun < 3
    assert outcome == Failed(retry=True, why=(
        "Stagedoor was asked to stop and rolled 20260301000000 add back at statement 2 of 2. "
        "Nothing of it is in production."
    ))
    assert fresh.rows("select to_regclass('t1')") == [(None,)]


def test_asked_to_stop_nothing_new_is_begun(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    notes.at_progress = lambda data: setattr(notes, "stop", True)
    outcome = apply(production, job("create table t1(id int); create table t2(id int)"), notes)
    assert isinstance(outcome, Failed)
    assert "before statement 2 of 2" in outcome.why
    assert isinstance(apply(production, job("create table t1(id int)"), notes), InDoubt)
    assert fresh.rows("select to_regclass('t1')") == [(None,)]


def test_a_statement_that_ends_within_its_grace_is_not_cancelled(production: PostgresDatabase, notes: Notes) -> None:
    notes.at_progress = lambda data: setattr(notes, "stop", True)
    assert isinstance(apply(production, job("select pg_sleep(0.1)"), notes), Done)


# Hostile files -----------------------------------------------------------------------------------------------------


def test_a_commit_hidden_in_a_block_is_refused_by_the_server(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    outcome = apply(production, job("create table t1(id int); do $$ begin commit; end $$"), notes)
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.statement) == ("2D000", 2)
    assert fresh.rows("select to_regclass('t1')") == [(None,)]


@pytest.mark.parametrize("trick", [
    "set search_path = ''",
    "reset all",
    "set role anon",
    "set local role authenticated",
    "create schema trap; create table trap.schema_migrations(version text); set search_path = trap",
    "create temp table schema_migrations(version text, name text, statements text[])",
    "set client_encoding = 'LATIN1'",
    "set default_transaction_read_only = on",
    "select pg_advisory_unlock_all()",
    "set application_name = 'psql'",
    "set standard_conforming_strings = off",
])
def test_settings_that_a_file_leaves_behind_do_not_reach_its_row(
    production: PostgresDatabase, notes: Notes, trick: str,
) -> None:
    outcome = apply(production, job(f"{trick}; select 'é'"), notes)
    assert isinstance(outcome, Done), outcome
    (row,) = production.history()
    assert row.statements is not None
    assert row.statements[-1] == "select 'é'"


def test_row_rules_that_swallow_the_history_row_are_noticed(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    apply(production, job("select 1", version="1"), notes)
    fresh.run(
        "create function swallow() returns trigger language plpgsql as 'begin return null; end'",
        "create trigger swallow before insert on supabase_migrations.schema_migrations"
        " for each row execute function swallow()",
    )
    outcome = apply(production, job("create table t1(id int)", version="2", head="1"), notes)
    assert isinstance(outcome, Failed)
    assert "swallows it" in outcome.why
    assert fresh.rows("select to_regclass('t1')") == [(None,)]


def test_a_statement_that_ended_our_transaction_is_reported_loudly(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = (Statement("create table t1(id int)", 1, 1, "CREATE"), Statement("commit", 2, 2, "SELECT"))
    monkeypatch.setattr("bot.migrations.applier.statements_to_run", lambda content: hidden)
    outcome = apply(production, job("select 1"), notes)
    assert isinstance(outcome, Failed)
    assert "may be in production without a history row" in outcome.why
    assert not outcome.clean


def test_two_statements_in_one_are_refused_by_the_server(
    production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    joined = (Statement("select 1; commit", 1, 1, "SELECT"),)
    monkeypatch.setattr("bot.migrations.applier.statements_to_run", lambda content: joined)
    outcome = apply(production, job("select 1"), notes)
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "42601"


def test_rows_that_a_file_selects_are_not_kept(production: PostgresDatabase, notes: Notes) -> None:
    assert isinstance(apply(production, job("select repeat('x', 1000) from generate_series(1, 20000)"), notes), Done)


def test_a_statement_that_takes_long_is_told_again(production: PostgresDatabase, notes: Notes) -> None:
    told: list[object] = []
    vars(notes)["progress"] = told.append
    assert isinstance(apply(production, job("select 1; select pg_sleep(1.2)"), notes), Done)
    assert told.count({"statement": 2, "of": 2}) >= 2


# What else it knows ------------------------------------------------------------------------------------------------


def test_it_says_what_it_is_without_secrets(fresh: Fresh, production: PostgresDatabase) -> None:
    assert production.identity() == (
        f'database "{fresh.name}" at 127.0.0.1:{fresh.server.port}, PostgreSQL 17.10, as postgres'
    )
    assert fresh.server.password not in repr(production)


def test_leftovers_are_found_in_user_schemas_alone(fresh: Fresh, production: PostgresDatabase) -> None:
    fresh.run(
        "create table t1(id int)", "insert into t1 values (1), (1)",
        "alter table t1 add constraint positive check (id > 0) not valid",
    )
    with pytest.raises(psycopg.Error), fresh.connect() as connection:
        connection.execute("create unique index concurrently t1_id on t1(id)")
    assert production.leftovers() == (
        "Constraint positive on public.t1 is NOT VALID: older rows were never checked. Validate it.",
        "Index public.t1_id on public.t1 is INVALID: queries do not use it. Drop it and build it again.",
    )


def test_what_was_applied_matches_its_file_again(production: PostgresDatabase, notes: Notes) -> None:
    content = b"\xef\xbb\xbfbegin;\r\ncreate table t1(id int);\r\ncommit;\r\n-- done\r\n"
    assert isinstance(apply(production, job(content), notes), Done)
    (row,) = production.history()
    file = Migration(version=row.version, name=row.name, filename="x.sql", content=content)
    assert history.match(file, row) is Match.SAME


def test_the_platforms_own_user_works_as_postgres_like_in_the_cli(fresh: Fresh, notes: Notes) -> None:
    database = PostgresDatabase(fresh.server.url(fresh.name, "supabase_admin"), "production", BRISK)
    outcome = apply(database, job("create table t1(id int); set role anon"), notes)
    assert isinstance(outcome, Done), outcome
    assert fresh.rows(
        "select distinct tableowner::text from pg_tables where tablename in ('t1', 'schema_migrations')"
    ) == [("postgres",)]

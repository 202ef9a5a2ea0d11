"""The apply protocol on a real Postgres: what is in afterwards, what is not, and what people are told."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from bot.domain.migration import Match, Migration
from bot.migrations import history
from bot.migrations.database import PostgresDatabase
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


@pytest.mark.parametrize("content", ["vacuum;", "begin; select 1; commit; select 2;", "\xff".encode("latin-1"), ""])
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
        waits: list[float] = []
        thread = threading.Thread(target=lambda: waits.append(_timed_read(fresh, "select * from busy", after=0.2)))
        thread.start()
        outcome = apply(production, job("alter table busy add column more int", lock_timeout=0.8), notes)
        thread.join()
    assert isinstance(outcome, Failed)
    assert (outcome.sqlstate, outcome.retry) == ("55P03", True)
    (blocker,) = outcome.blockers
    assert f"pid {pid}," in blocker
    assert 'application "reports"' in blocker
    assert "idle in transaction" in blocker
    assert "4242" not in blocker
    assert "ana@" not in blocker
    assert blocker in outcome.why
    assert waits[0] < 1.2
    assert isinstance(apply(production, job("alter table busy add column more int"), notes), Done)


def _timed_read(fresh: Fresh, query: str, after: float) -> float:
    with fresh.connect() as connection:
        time.sleep(after)
        begun = time.monotonic()
        connection.execute(query)
        return time.monotonic() - begun


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


# Who may begin -----------------------------------------------------------------------------------------------------


def test_a_head_that_moved_is_refused(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    apply(production, job("create table t1(id int)", version="1"), notes)
    outcome = apply(production, job("create table t2(id int)", version="3", head="2"), notes)
    assert outcome == Failed(why=(
        "production has moved: its newest migration is 1, not 2 as expected. Nothing of 3 add was run. "
        "Look at what came in between, then ask again."
    ))
    assert fresh.rows("select to_regclass('t2')") == [(None,)]


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
    slow = threading.Thread(target=apply, args=(production, job("select pg_sleep(1.8)"), notes))
    slow.start()
    while not notes.steps:
        time.sleep(0.01)
    again = apply(production, job("select pg_sleep(1.8)", attempt="P-1.1.2"), Notes())
    other = apply(production, job("select 2", version="9", attempt="P-2.1.1"), Notes())
    slow.join()
    assert isinstance(again, InDoubt)
    assert f"pid {notes.noted[0][1]['pid']}, stagedoor:P-1.1.1" in again.why
    assert isinstance(other, Failed)
    assert other.retry
    assert "stagedoor:P-1.1.1" in other.why


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
    notes.at_progress = lambda data: data["statement"] == 2 and _kill_soon(fresh)
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
    from bot.migrations.session import ConnectionLost, Session

    run = Session.run

    def losing(self: Session, statement: str, tick: object) -> str:
        tag = run(self, statement, tick)  # type: ignore[arg-type]
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
    hidden = [Statement("create table t1(id int)", 1, 1, "CREATE"), Statement("commit", 2, 2, "SELECT")]
    monkeypatch.setattr("bot.migrations.applier.statements_to_run", lambda content: hidden)
    outcome = apply(production, job("select 1"), notes)
    assert isinstance(outcome, Failed)
    assert "may be in production without a history row" in outcome.why


def test_two_statements_in_one_are_refused_by_the_server(
    production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    joined = [Statement("select 1; commit", 1, 1, "SELECT")]
    monkeypatch.setattr("bot.migrations.applier.statements_to_run", lambda content: joined)
    outcome = apply(production, job("select 1"), notes)
    assert isinstance(outcome, Failed)
    assert outcome.sqlstate == "42601"


def test_rows_that_a_file_selects_are_not_kept(production: PostgresDatabase, notes: Notes) -> None:
    assert isinstance(apply(production, job("select repeat('x', 1000) from generate_series(1, 20000)"), notes), Done)


def test_many_statements_tell_their_progress_now_and_then(production: PostgresDatabase, notes: Notes) -> None:
    outcome = apply(production, job("select 1;\n" * 500), notes)
    assert isinstance(outcome, Done)
    assert outcome.statements == 500
    assert len(notes.steps) < 100


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

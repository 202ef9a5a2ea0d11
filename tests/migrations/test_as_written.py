"""What fits into no transaction is tried as it is written, in a scratch database beside staging that is gone again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from bot.domain.way_back import AS_SUPERUSER, AS_WRITTEN, Change, Schema, WayBack
from bot.migrations.catalog.as_written import beyond
from bot.migrations.database import PostgresDatabase
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.pooler import pgbouncer, pooled
from tests.postgres import Fresh

SHOP = """
create table books (id bigint generated always as identity primary key, title text, region text);
create index books_region on books (region);
insert into books (title, region) values ('one', 'eu'), ('two', 'us');
create type mood as enum ('sad', 'ok');
create table people (mood mood);
create table logs (at timestamptz not null, line text) partition by range (at);
create table logs_2026 partition of logs for values from ('2026-01-01') to ('2027-01-01');
insert into logs values ('2026-05-01', 'a');
create trigger hello after insert on auth.users for each row execute function suppress_redundant_updates_trigger();
create policy files on storage.objects for select to anon using (bucket_id = 'public');
"""
LIMITS = {"lock_timeout": 2.0, "statement_timeout": 20.0}


@pytest.fixture
def staging(fresh: Fresh, server: Postgres) -> PostgresDatabase:
    fresh.run(SHOP)
    return PostgresDatabase(fresh.url, "staging", BRISK, pg_dump=str(server.bin / "pg_dump"))


def staged(staging: PostgresDatabase, *files: tuple[str, str | None]) -> tuple[WayBack, ...]:
    """Each file's way back, after all of them went in; of each the SQL and that of its rollback file."""
    changes, head = [], None
    for number, (up, down) in enumerate(files):
        before, version = staging.catalog(), f"2026030100000{number}"
        applied = apply(staging, job(up, version, head), Notes())
        assert not hasattr(applied, "why"), applied
        changes.append(Change(
            version=version, label=version, up=(up.encode(),), down=(down.encode(),) if down else None, before=before,
        ))
        head = version
    after = staging.catalog()
    ways = staging.prove(changes, attempt="S-1.proof", **LIMITS, stopping=lambda: False)
    assert staging.catalog().objects == after.objects, "the trial left something on staging"
    return ways


def scratches(fresh: Fresh) -> list[str]:
    return [name for (name,) in fresh.rows("select datname from pg_database where datname like 'stagedoor%%'")]


@pytest.mark.parametrize(("up", "down"), [
    ("create unique index concurrently books_title on books (title)", "drop index concurrently books_title"),
    pytest.param("drop index concurrently books_region", None, marks=pytest.mark.slow),
    pytest.param("reindex index concurrently books_region", None, marks=pytest.mark.slow),
    ("alter table logs detach partition logs_2026 concurrently", None),
], ids=["create index", "drop index", "reindex", "detach partition"])
def test_it_leads_back_exactly(staging: PostgresDatabase, fresh: Fresh, up: str, down: str | None) -> None:
    [way] = staged(staging, (up, down))
    assert (way.schema, way.how) == (Schema.EXACT, AS_WRITTEN), way
    assert way.source == ("file" if down else "draft")
    assert scratches(fresh) == []
    assert fresh.rows("select count(*) from books") == [(2,)]


def test_a_value_that_the_next_file_uses(staging: PostgresDatabase, fresh: Fresh) -> None:
    first, second = staged(
        staging, ("alter type mood add value 'calm'", None),
        ("alter table people alter mood set default 'calm'", None),
    )
    assert (first.schema, second.schema) == (Schema.EXACT, Schema.EXACT), (first, second)
    assert second.how == AS_WRITTEN


def test_newer_files_are_tried_where_an_older_one_cannot_be(staging: PostgresDatabase, fresh: Fresh) -> None:
    older, newer = staged(
        staging, ("insert into books (title) values ('three')", "delete from books where title = 'three'"),
        ("create index concurrently books_title on books (title)", None),
    )
    assert (older.schema, older.how) == (Schema.EXACT, "")
    assert (newer.schema, newer.how) == (Schema.EXACT, AS_WRITTEN)


@pytest.mark.slow
def test_what_only_its_plain_form_may_do_is_not_proven(staging: PostgresDatabase) -> None:
    [way] = staged(staging, ("create index logs_line on logs (line)", "drop index concurrently logs_line"))
    assert way.schema is Schema.UNKNOWN
    assert "cannot drop partitioned index \"logs_line\" concurrently" in " ".join(way.said)


@pytest.mark.slow
def test_rows_still_count(staging: PostgresDatabase, fresh: Fresh) -> None:
    """The scratch database has no rows; what staging's forbid is not proven there."""
    fresh.run("create unique index books_title on books (title)")
    before = staging.catalog()
    fresh.run("drop index books_title; insert into books (title) values ('one')")
    change = Change(
        version="1", label="1", up=(b"drop index concurrently books_title",), before=before,
        down=(b"create unique index concurrently books_title on books (title)",),
    )
    [way] = staging.prove([change], attempt="S-1.proof", **LIMITS, stopping=lambda: False)
    assert way.schema is Schema.UNKNOWN
    assert "could not create unique index" in way.said[0]


def test_nothing_unapproved_runs_as_a_superuser(staging: PostgresDatabase, fresh: Fresh, server: Postgres) -> None:
    boss = PostgresDatabase(server.url(fresh.name, "supabase_admin"), "staging", BRISK)
    [way] = staged(boss, ("alter table books add subtitle text", "select 1"))
    assert (way.schema, way.source, way.how) == (Schema.EXACT, "draft", f"and rolled back; {AS_SUPERUSER}")


@pytest.mark.parametrize(("sql", "stays"), [
    ("alter default privileges in schema public grant select on tables to anon", True),
    ("create or replace function f() returns int language sql as 'select 1'", True),
    ("grant select on books to anon; comment on column books.title is 'x'; set local lock_timeout = '2s'", True),
    ("grant anon to authenticated", False), ("grant connect on database postgres to anon", False),
    ("comment on role anon is 'x'", False), ("alter user anon set statement_timeout = 1", False),
    ("create subscription s connection 'host=elsewhere' publication p", True),  # refused before it is tried
    ("reassign owned by anon to postgres", False), ("select dblink_exec('x', 'y')", False),
    ("do $$ begin end $$", False), ("insert into books (title) values (f())", False), ("set role anon", False),
])
def test_only_what_stays_within_its_database_is_run(sql: str, stays: bool) -> None:
    assert bool(beyond(sql.encode())) is not stays


@pytest.mark.parametrize(("program", "takes", "down", "why"), [
    pytest.param("/nowhere/pg_dump", "", "drop index books_title", "There is no pg_dump here", marks=pytest.mark.slow),
    ("", "alter role postgres nocreatedb", "drop index books_title", "its role may not create databases (CREATEDB)"),
    pytest.param("", "", "create role helper; drop role helper; drop index books_title",
                 "CREATE ROLE in line 1 of 20260301000000 or of its way back may reach", marks=pytest.mark.slow),
], ids=["no pg_dump", "no right", "roles"])
def test_without_a_scratch_database_its_plain_form_is_tried_and_that_is_said(
    staging: PostgresDatabase, fresh: Fresh, server: Postgres, program: str, takes: str, down: str, why: str,
) -> None:
    if program:
        staging = PostgresDatabase(fresh.url, "staging", BRISK, pg_dump=program)
    if takes:
        fresh.run(takes, user="supabase_admin")
    try:
        [way] = staged(staging, ("create index concurrently books_title on books (title)", down))
    finally:
        fresh.run("alter role postgres createdb", user="supabase_admin")
    assert (way.schema, way.by_stand_in) == (Schema.EXACT, True)
    assert why in way.how
    assert scratches(fresh) == []


@pytest.mark.slow
@pytest.mark.skipif(pgbouncer() is None, reason="PgBouncer is not installed here")
def test_a_pooler_that_knows_one_database_is_found_out(
    staging: PostgresDatabase, fresh: Fresh, server: Postgres,
) -> None:
    """It answers to every name with staging itself, where each step of the trial would be committed."""
    with pooled(server, fresh.name, only=fresh.name) as address:
        pooled_staging = PostgresDatabase(address, "staging", BRISK, pg_dump=str(server.bin / "pg_dump"))
        [way] = staged(pooled_staging, ("drop index concurrently books_region", None))
    assert (way.schema, way.by_stand_in) == (Schema.EXACT, True)
    assert "leads to no other database" in way.how
    assert scratches(fresh) == []


@pytest.mark.slow
def test_a_left_over_one_is_dropped_whoever_is_still_in_it(
    staging: PostgresDatabase, fresh: Fresh, server: Postgres,
) -> None:
    [(oid,)] = fresh.rows("select oid::text from pg_database where datname = current_database()")
    fresh.run(f"create database stagedoor_scratch_{oid}", "create database stagedoor_scratch_1")
    with Fresh(server, f"stagedoor_scratch_{oid}").connect():
        staged(staging, ("alter table books add column subtitle text", None))
    assert scratches(fresh) == ["stagedoor_scratch_1"], "one of another staging on this server is none of ours"
    fresh.run("drop database stagedoor_scratch_1")


_PROVES = """
import sys
from bot.domain.catalog import Snapshot
from bot.domain.way_back import Change
from bot.migrations.catalog.as_written import beyond
from bot.migrations.database import PostgresDatabase
staging = PostgresDatabase(sys.argv[1], "staging", pg_dump=sys.argv[2])
change = Change(version="1", label="1", up=(b"create index concurrently i on books (title)",), down=None,
                before=Snapshot.decoded(sys.stdin.buffer.read()))
staging.prove([change], attempt="S-1", lock_timeout=2, statement_timeout=20, stopping=lambda: False)
"""


@pytest.mark.slow
def test_after_a_kill_nothing_stays(staging: PostgresDatabase, fresh: Fresh, server: Postgres) -> None:
    before = staging.catalog()
    fresh.run("create index i on books (title)")
    arguments = [sys.executable, "-c", _PROVES, fresh.url, str(server.bin / "pg_dump")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(before.encoded())
        process.stdin.close()
        until = time.monotonic() + 30
        while not scratches(fresh) and time.monotonic() < until and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert scratches(fresh)
    [way] = staged(staging, ("drop index concurrently i", None))
    assert (way.schema, way.how) == (Schema.EXACT, AS_WRITTEN), way
    assert scratches(fresh) == []


@pytest.mark.slow
def test_what_has_no_plain_form_could_not_be_checked_without_one(fresh: Fresh) -> None:
    fresh.run(SHOP)
    lacking = PostgresDatabase(fresh.url, "staging", BRISK, pg_dump="/nowhere/pg_dump")
    [way] = staged(lacking, ("alter table logs detach partition logs_2026 concurrently", None))
    assert way.schema is Schema.UNKNOWN
    assert "DETACH PARTITION CONCURRENTLY cannot be tried in a transaction." in way.said
    assert any(said.startswith("Not tried as written: There is no pg_dump here") for said in way.said)

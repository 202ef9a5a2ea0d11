"""Stagedoor, another Stagedoor and the Supabase CLI at the same database at the same time; and files that run alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bot.migrations.database import PostgresDatabase
from bot.migrations.files import FolderMigrations
from bot.ports import Done, Failed, InDoubt, Job
from rehearsal.postgres import Postgres
from tests.compat.cli import CliFailed, SupabaseCli
from tests.compat.test_supabase_cli import ROWS, laid_out, put_in
from tests.migrations.conftest import BRISK, Notes
from tests.postgres import Fresh, fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TABLE = "create table books (id int, title text);\ninsert into books select g, g from generate_series(1, 100) g;\n"
ALONE = {
    "books": TABLE,
    "build": "-- Migration: an index; alone\nCREATE UNIQUE INDEX CONCURRENTLY books_id_key\n  ON public.books (id);\n",
    "rebuild": "reindex index concurrently books_id_key;",
    "vacuum": "vacuum (analyze) books;\n-- the end\n",
    "drop": "drop index concurrently if exists books_id_key",
}


@pytest.fixture
def another(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as another:
        yield another


def the_job(folder: Path, number: int) -> Job:
    """The file of that number, counted from 1."""
    files = FolderMigrations(folder / "supabase" / "migrations").read().migrations
    file, before = files[number - 1], files[number - 2].version if number > 1 else None
    return Job(
        attempt=f"P-1.{number}.1", version=file.version, name=file.name, content=file.content, head=before,
        lock_timeout=3, statement_timeout=30,
    )


def once(url: str, job: Job) -> Done | Failed | InDoubt:
    with PostgresDatabase(url, "production", BRISK).applier() as applier:
        return applier.apply(job, Notes())


@contextmanager
def old_transaction(address: str) -> Iterator[None]:
    with psycopg.connect(address) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select count(*) from books")
        yield


def until_building(fresh: Fresh) -> None:
    with fresh.connect() as connection:
        building = "select from pg_stat_progress_create_index where phase = 'waiting for old snapshots'"
        while not connection.execute(building).fetchall():
            time.sleep(0.02)


def test_files_that_run_alone_give_the_same_rows(
    tmp_path: Path, cli: SupabaseCli, database: Fresh, another: Fresh,
) -> None:
    folder = laid_out(tmp_path, ALONE)
    cli.push(folder, database.url)
    put_in(another.url, folder)
    assert database.rows(ROWS) == another.rows(ROWS)
    assert len(another.rows(ROWS)) == len(ALONE)
    assert "up to date" in cli.push(folder, another.url, "--dry-run")


def test_the_cli_builds_and_we_wait_for_it(tmp_path: Path, cli: SupabaseCli, database: Fresh) -> None:
    folder = laid_out(tmp_path, {"books": TABLE, "build": ALONE["build"]})
    assert isinstance(once(database.url, the_job(folder, 1)), Done)
    with ThreadPoolExecutor(1) as pool:
        with old_transaction(database.url):
            pushing = pool.submit(cli.push, folder, database.url)
            until_building(database)
            waiting = once(database.url, the_job(folder, 2))
        pushing.result()
    assert isinstance(waiting, InDoubt)
    assert "none of ours" in waiting.why
    found = once(database.url, the_job(folder, 2))
    assert isinstance(found, Done)
    assert found.recovered
    assert "up to date" in cli.push(folder, database.url)


def test_we_build_and_the_cli_is_sent_away(tmp_path: Path, cli: SupabaseCli, database: Fresh) -> None:
    folder = laid_out(tmp_path, {"books": TABLE, "build": ALONE["build"]})
    once(database.url, the_job(folder, 1))
    with ThreadPoolExecutor(2) as pool:
        with old_transaction(database.url):
            building = pool.submit(once, database.url, the_job(folder, 2))
            until_building(database)
            pushing = pool.submit(cli.push, folder, database.url)
            with database.connect() as connection:
                queued = "select from pg_stat_activity where query ilike '%create unique%' and wait_event_type = 'Lock'"
                while len(connection.execute(queued).fetchall()) < 2 and not pushing.done():
                    time.sleep(0.05)
        with pytest.raises(CliFailed, match="already exists"):
            pushing.result()
        assert isinstance(building.result(), Done)
    assert "up to date" in cli.push(folder, database.url)
    assert database.rows("select indisvalid from pg_index where indexrelid = 'books_id_key'::regclass") == [(True,)]


def test_two_stagedoors_and_the_cli_at_once(tmp_path: Path, cli: SupabaseCli, database: Fresh) -> None:
    files = {f"t{number}": f"create table t{number} (id int); select pg_sleep(0.15);" for number in range(1, 9)}
    folder = laid_out(tmp_path, files)
    with ThreadPoolExecutor(3) as pool:
        ours = [pool.submit(_all_of_it, database.url, folder, len(files)) for _ in range(2)]
        theirs = pool.submit(_pushed, cli, folder, database.url)
        assert all(one.result() for one in (*ours, theirs))
    assert [row[1] for row in database.rows(ROWS)] == list(files)
    assert database.rows("select count(*) from pg_class where relname ~ '^t[1-8]$'") == [(8,)]
    assert "up to date" in cli.push(folder, database.url)


def _all_of_it(url: str, folder: Path, count: int) -> bool:
    """Each file until it is in, whoever put it there."""
    for number in range(1, count + 1):
        deadline = time.monotonic() + 60
        while not isinstance(outcome := once(url, the_job(folder, number)), Done):
            assert time.monotonic() < deadline, outcome
    return True


def _pushed(cli: SupabaseCli, folder: Path, address: str) -> bool:
    """The CLI knows no lock: where it loses a race it fails as a whole file, and is begun again."""
    for _ in range(20):
        try:
            cli.push(folder, address)
            return True
        except CliFailed:
            continue
    return False

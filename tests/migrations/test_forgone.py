"""What a rollback drops is counted on production: how many rows, how many since, and never in anybody's way."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.forgone import Counted, Forgone
from bot.errors import Unreachable
from bot.migrations import forgone as counting
from bot.migrations.database import PostgresDatabase
from bot.migrations.session import connect
from templates.rollback.rows import rows_line
from tests.migrations.conftest import Notes, apply, job
from tests.postgres import Fresh
from tests.wire import Wire

GONE = (("public.books", "subtitle"), ('public."Odd ""Names"""', ""))
MADE = (
    "create table if not exists books (id int primary key); alter table books add column subtitle text;"
    'create table "Odd ""Names""" (id int); insert into books values (1, \'by the file\'), (2, null);'
)


@pytest.fixture
def filled(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> PostgresDatabase:
    apply(production, job(MADE, "1"), notes)
    fresh.run(
        "insert into books values (3, 'since'), (4, null)", "update books set subtitle = 'since' where id = 2",
        'insert into "Odd ""Names""" select generate_series(1, 5)',
    )
    return production


def test_rows_and_how_many_of_them_came_since(filled: PostgresDatabase) -> None:
    odd, books = filled.forgone(GONE, "1", 5)
    assert books == Forgone(what="books.subtitle", column=True, rows=3, since=2)
    assert odd == Forgone(what='"Odd ""Names"""', rows=5, since=5)
    assert filled.forgone(GONE[:1], "of nobody", 5)[0].since is None, "nothing tells since when"
    counted = Counted(at=datetime(2026, 11, 23, 12, tzinfo=UTC), forgone=(books, odd))
    assert Counted.from_json(counted.to_json()) == counted
    assert rows_line(counted).startswith(
        "Rows: books.subtitle has a value in 3 rows, 2 of them written since the promotion; "
        '"Odd ""Names""" holds 5 rows, 5 of them written since the promotion · counted <!date^'
    )


def test_it_waits_for_nobody_and_reads_no_large_table(
    filled: PostgresDatabase, fresh: Fresh, monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh.run("analyze books")
    with fresh.connect() as other, other.transaction():
        other.execute("lock table books")
        begun = time.monotonic()
        odd, books = filled.forgone(GONE, "1", 5)
        assert time.monotonic() - begun < 2
    assert (books.rows, books.about, books.why) == (None, 4, "somebody has it to himself")
    assert odd.rows == 5
    assert rows_line(Counted(at=datetime.now(UTC), forgone=(books,))).startswith(
        "Rows: books.subtitle: could not count, somebody has it to himself (about 4 rows in its table by the catalog)",
    )
    monkeypatch.setattr(counting, "MOST_ROWS", 3)
    books = filled.forgone(GONE[:1], "1", 5)[0]
    assert (books.rows, books.about, books.why) == (None, 4, "it is larger than 3 rows")


def test_what_is_gone_already_is_no_number(filled: PostgresDatabase, fresh: Fresh) -> None:
    fresh.run('drop table "Odd ""Names"""')
    odd, books = filled.forgone(GONE, "1", 5)
    assert "does not exist" in odd.why
    assert (odd.rows, books.rows) == (None, 3)


def test_a_server_that_falls_silent_or_is_lost_is_given_up_in_time(
    filled: PostgresDatabase, fresh: Fresh, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Wire(fresh.server.port) as wire:
        distant = PostgresDatabase(wire.url(fresh.url), "production")
        wire.cut_at = b"schema_migrations"
        assert {each.why for each in distant.forgone(GONE, "1", 1)} == {"that took too long"}

        def falls_silent(*to: str) -> Any:
            made = connect(*to)
            wire.silent = True
            return made

        monkeypatch.setattr(counting, "connect", falls_silent)
        begun = time.monotonic()
        assert {each.why for each in distant.forgone(GONE, "1", 0.4)} == {"that took too long"}
        assert time.monotonic() - begun < 2
        wire.cut()
        with pytest.raises(Unreachable):
            distant.forgone(GONE, "1", 1)


def test_what_cannot_be_counted_at_all_says_why() -> None:
    counted = Counted(at=datetime.now(UTC), why="production does not answer")
    assert rows_line(counted) == "Rows: could not count: production does not answer."
    assert rows_line(replace(counted, why="")) == ""

"""A database is read at one moment: over one connection, both at the same time, and never for longer than it may."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.project import Environment
from bot.errors import Unreachable
from bot.evidence.looking import look
from bot.migrations import moment as reading
from bot.migrations.database import PostgresDatabase
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh
from tests.wire import Wire


def test_it_is_what_each_question_alone_would_answer(fresh: Fresh, production: PostgresDatabase, notes: Notes) -> None:
    apply(production, job("create table books (id int primary key, title text)", "1"), notes)
    apply(production, job("insert into books select g from generate_series(1, 50) g", "2", "1"), notes)
    fresh.run("alter table books add constraint named check (title <> '') not valid", "analyze books")
    seen = production.moment()
    assert [row.version for row in seen.history] == ["1", "2"]
    assert seen.history == production.history()
    assert seen.sizes["public.books"] == 50
    assert seen.sizes == production.sizes()
    assert "named" in seen.leftovers[0]
    assert seen.leftovers == production.leftovers()
    assert seen.catalog == production.catalog()
    assert not seen.unread


@pytest.mark.parametrize(("made", "known"), [
    ([], []),
    (["create schema supabase_migrations",
      "create table supabase_migrations.schema_migrations (version text primary key)",
      "insert into supabase_migrations.schema_migrations values ('7')"], ["7"]),
])
def test_a_history_that_is_missing_or_old_is_no_trouble(
    fresh: Fresh, production: PostgresDatabase, made: list[str], known: list[str],
) -> None:
    fresh.run(*made)
    seen = production.moment()
    assert [row.version for row in seen.history] == known
    assert seen.catalog is not None


def test_a_migration_that_comes_in_meanwhile_is_read_anew(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply(production, job("create table one (id int)", "1"), notes)
    asked, answers = list[str](), reading._answers

    def meanwhile(connection: Any, statements: str) -> Any:
        asked.append(statements)
        if len(asked) == 2:
            apply(production, job("create table two (id int)", "2", "1"), Notes())
        return answers(connection, statements)

    monkeypatch.setattr(reading, "_answers", meanwhile)
    seen = production.moment()
    assert len(asked) == 4
    assert [row.version for row in seen.history] == ["1", "2"]
    assert seen.catalog is not None
    assert ("table", "public.two") in seen.catalog.objects


def test_a_catalog_that_cannot_be_spelt_does_not_hide_the_history(
    production: PostgresDatabase, notes: Notes, monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply(production, job("select 1", "1"), notes)
    monkeypatch.setattr(reading, "ASKED", "select 1 / 0")
    seen = production.moment()
    assert [row.version for row in seen.history] == ["1"]
    assert seen.catalog is None
    assert seen.unread == "The catalog of production could not be read: division by zero."
    looked = look({Environment.PRODUCTION: production})
    assert looked.at(Environment.PRODUCTION).history == seen.history
    with pytest.raises(Unreachable, match="division by zero"):
        looked.whole(Environment.PRODUCTION)


def test_a_table_that_somebody_has_to_himself_holds_no_look_up(fresh: Fresh, production: PostgresDatabase) -> None:
    fresh.run("create table books (id int)", "insert into books select generate_series(1, 10)")
    with fresh.connect() as holder, holder.transaction():
        holder.execute("lock table books in access exclusive mode")
        begun = time.monotonic()
        assert "public.books" in production.moment().sizes
        assert time.monotonic() - begun < 4


def test_servers_that_say_nothing_are_given_up_both_at_once(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    patience, answers = replace(BRISK, look=1.0), reading._answers
    with Wire(fresh.server.port) as here, Wire(fresh.server.port) as there:
        wires = {Environment.STAGING: here, Environment.PRODUCTION: there}

        def falls_silent(connection: Any, statements: str) -> Any:
            next(wire for wire in wires.values() if wire.port == connection.info.port).silent = True
            return answers(connection, statements)

        monkeypatch.setattr(reading, "_answers", falls_silent)
        begun = time.monotonic()
        looked = look({
            where: PostgresDatabase(wire.url(fresh.url), str(where), patience) for where, wire in wires.items()
        })
        assert time.monotonic() - begun < 2, "one after the other"
    for where in Environment:
        with pytest.raises(Unreachable, match=rf"{where} could not be read: it did not answer within 1 s\."):
            looked.at(where)

"""A production that hangs rather than breaks: every wait ends, and what is said of it is what is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.answering import Answering
from bot.migrations import apply as applying
from bot.migrations import session as sessions
from bot.migrations import watch
from bot.migrations.database import PostgresDatabase
from bot.ports import Done, InDoubt
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh
from tests.wire import Wire

pytestmark = pytest.mark.timeout(20)     # what is tested for here is a wait without an end

IN_ONE = "create table t1(id int); insert into t1 values (1)"
ALONE = "create index concurrently books_title_idx on books (title);"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "CONNECT", 2)
    monkeypatch.setattr(sessions, "SILENCE", 0.3)
    monkeypatch.setattr(Answering, "patience", 0.5)
    monkeypatch.setattr(sessions, "BESIDE", 0.3)
    monkeypatch.setattr(applying, "COMMIT", 0.0)
    monkeypatch.setattr(watch, "LONG", 0.0)


@pytest.fixture
def wire(fresh: Fresh) -> Iterator[Wire]:
    fresh.run("create table books (id int, title text)")
    with Wire(fresh.server.port) as wire:
        yield wire


@pytest.mark.parametrize(("word", "sql", "known"), [
    (b"pg_try_advisory_lock", IN_ONE, "Whether 20260301000000 add is in shows when production answers."),
    (b"create table t1", IN_ONE, "The server rolls it back; nothing of it is in."),
    (b"\0commit\0", IN_ONE, "Whether it is in shows when the server answers and our old session has ended."),
    (b"create index", ALONE, "our old session has ended; the catalog decides."),
    (b"share row exclusive", ALONE, "our old session has ended; the catalog decides."),
])
def test_it_is_given_up_and_goes_in_once_it_answers(
    fresh: Fresh, wire: Wire, notes: Notes, word: bytes, sql: str, known: str,
) -> None:
    production = PostgresDatabase(wire.url(fresh.url), "production", replace(BRISK, doubt=0.5))
    wire.silent_at = word
    begun = time.monotonic()
    outcome = apply(production, job(sql, statement_timeout=0.5), notes)
    assert time.monotonic() - begun < 8
    assert not isinstance(outcome, Done)
    assert known in outcome.why
    if word in sql.encode():
        assert "production answers no question about it" in [step.get("doing") for step in notes.steps]
    wire.hang_up()
    wire.silent = False
    until = time.monotonic() + 8
    while not isinstance(outcome, Done):
        assert time.monotonic() < until, outcome
        assert isinstance(outcome, InDoubt) or outcome.retry, outcome
        begun_before = [data for kind, data in notes.noted if kind == "alone"]
        outcome = apply(production, job(sql, begun=begun_before[-1] if begun_before else {}), notes)
    assert [row.version for row in production.history()] == ["20260301000000"]

"""A Stagedoor that is killed in the middle of a slow statement, and the one that comes after it."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count
from typing import Any

import psycopg
import pytest

from bot.migrations.database import PostgresDatabase
from bot.migrations.session import Session
from bot.ports import Done, Failed, InDoubt
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh, fresh_database

SLOW = "create table once(id int); insert into once values (1); select pg_sleep(2)"

VICTIM = """
import sys
from bot.migrations.database import PostgresDatabase
from tests.migrations.conftest import Notes, apply, job
notes = Notes()
notes.at_progress = lambda data: print(data["statement"], flush=True)
apply(PostgresDatabase(sys.argv[1]), job(sys.argv[2]), notes)
"""


def test_killed_in_a_slow_statement_then_run_again_it_is_in_exactly_once(fresh: Fresh) -> None:
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, fresh.url, SLOW], stdout=subprocess.PIPE, text=True)
    with victim:
        assert victim.stdout is not None
        while victim.stdout.readline().strip() != "3":
            pass
        time.sleep(0.1)
        victim.kill()
    production = PostgresDatabase(fresh.url, "production", BRISK)
    outcomes = [apply(production, job(SLOW, attempt="P-1.1.2"), Notes())]
    while isinstance(outcomes[-1], InDoubt):
        outcomes.append(apply(production, job(SLOW, attempt="P-1.1.2"), Notes()))
    assert isinstance(outcomes[0], InDoubt), "the orphan is seen, not raced"
    assert "stagedoor:P-1.1.1" in outcomes[0].why
    assert isinstance(outcomes[-1], Done)
    assert fresh.rows("select count(*) from once") == [(1,)]
    assert len(production.history()) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_whenever_the_server_ends_our_session_it_goes_in_exactly_once(
    server: Postgres, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before every single word of ours in turn, with rows to keep; then it is tried again as the walker does."""
    content = "update t1 set n = n + 1 where id <= 2; delete from t1 where id = 1"
    sent, ended, asked = Session._sent, list[int](), Session.query
    for word in count():
        with fresh_database(server) as fresh:
            fresh.run("create table t1 (id int primary key, n int)", "insert into t1 values (1, 0), (2, 0), (3, 0)")
            database, spoken = PostgresDatabase(fresh.url, "production", BRISK), count()

            def end(session: Session, word: int = word, spoken: Any = spoken, url: str = fresh.url) -> None:
                if next(spoken) == word:
                    with psycopg.connect(url, autocommit=True) as other:
                        other.execute("select pg_terminate_backend(%s, 2000)", [session.connection.info.backend_pid])
                    ended.append(word)

            monkeypatch.setattr(Session, "_sent", lambda self, *a, end=end: (end(self), sent(self, *a))[1])
            monkeypatch.setattr(Session, "query", lambda self, *a, end=end, **k: (end(self), asked(self, *a, **k))[1])
            outcome = apply(database, job(content, keep=True), Notes())
            if word in ended:
                assert isinstance(outcome, InDoubt) or (isinstance(outcome, Failed) and outcome.retry and outcome.clean)
                outcome = apply(database, job(content, keep=True), Notes())
            assert isinstance(outcome, Done), (word, outcome)
            assert fresh.rows("select id, n from t1 order by id") == [(2, 1), (3, 0)], word
            assert [(kept.rows, kept.tables) for kept in database.kept_rows()] == [(3, ("public.t1",))]
            assert [row.version for row in database.history()] == [job(content).version]
        if word not in ended:
            assert word > 30, "it was to be ended at every word"
            return

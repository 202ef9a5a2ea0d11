"""A Stagedoor that is killed in the middle of a slow statement, and the one that comes after it."""

from __future__ import annotations

import subprocess
import sys
import time

from bot.migrations.database import PostgresDatabase
from bot.ports import Done, InDoubt
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh

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

"""Nobody who reads or writes waits longer than lock_timeout because a migration wants a table."""

from __future__ import annotations

import pytest

from bot.migrations.database import PostgresDatabase
from bot.ports import Done
from tests.migrations.conftest import Notes, apply, job
from tests.migrations.readers import READ, WRITE, at_work, busy, long_report
from tests.postgres import Fresh

LOCK = 0.3
SLACK = 0.4
"""What a busy machine adds."""


@pytest.mark.parametrize("sql", [
    "alter table busy add column more int", "create index concurrently busy_note on busy (note)",
])
def test_readers_wait_no_longer_than_the_lock_time_out(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, sql: str,
) -> None:
    busy(fresh.url)
    tries = 1
    with at_work(fresh.url) as readers:
        with long_report(fresh.url, 1.5):
            while not isinstance(apply(production, job(sql, lock_timeout=LOCK, statement_timeout=20), notes), Done):
                tries += 1
        answered = readers.answered
    assert readers.longest[READ] < LOCK + SLACK
    assert readers.longest[WRITE] < LOCK + SLACK
    assert answered > 100
    assert tries > 1 or "concurrently" in sql
    assert len(production.history()) == 1

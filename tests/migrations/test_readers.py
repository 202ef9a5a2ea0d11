"""Nobody who reads or writes waits longer than lock_timeout because a migration wants a table."""

from __future__ import annotations

import pytest

from bot.migrations.database import PostgresDatabase
from bot.ports import Done
from tests.migrations.conftest import Notes, apply, job
from tests.migrations.readers import READ, WRITE, at_work, busy, long_report
from tests.postgres import Fresh

LOCK = 0.3
REPORT = 2.5
SLACK = 1.2
"""What a busy machine adds; without a limit they would wait for as long as the report lasts."""


@pytest.mark.parametrize(("sql", "report"), [
    ("alter table busy add column more int", REPORT), ("create index concurrently busy_note on busy (note)", 0.5),
])
def test_readers_wait_no_longer_than_the_lock_time_out(
    fresh: Fresh, production: PostgresDatabase, notes: Notes, sql: str, report: float,
) -> None:
    busy(fresh.url)
    tries = 1
    with at_work(fresh.url) as readers:
        with long_report(fresh.url, report):
            while not isinstance(apply(production, job(sql, lock_timeout=LOCK, statement_timeout=20), notes), Done):
                tries += 1
        answered = readers.answered
    assert readers.longest[READ] < LOCK + SLACK
    assert readers.longest[WRITE] < LOCK + SLACK
    assert answered > 50
    assert tries > 1 or "concurrently" in sql
    assert len(production.history()) == 1

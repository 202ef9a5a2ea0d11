"""How busy production is: deltas by hour, and the quietest of them suggested."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.entry import Json
from bot.migrations.database import PostgresDatabase
from bot.ports import Put
from bot.windows.activity import SHELF, added, quiet_hours
from bot.windows.schedule import calendar, quietest
from tests.deploying import ANA, MONDAY, NIGHTS, RULES, Stage
from tests.postgres import Fresh


def series(rates: dict[int, int], start: datetime = MONDAY) -> dict[str, Json]:
    """Two days of readings, ten minutes apart, with so many transactions in each hour's ten minutes."""
    kept, total = added({}, 0, start), 0
    for step in range(1, 288):
        now = start + timedelta(minutes=10 * step)
        total += rates.get(now.hour, 1000)
        kept = added(kept, total, now)
    return kept


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, RULES + NIGHTS)
    yield made
    made.journal.close()


def test_the_quietest_hour_inside_of_a_window_is_suggested(stage: Stage) -> None:
    every = calendar(stage.ports, "shop")
    assert quietest(stage.ports, "shop", every, MONDAY) is None
    stage.journal.put([Put(shelf=SHELF, key="shop", doc=series({1: 50, 5: 10}))])
    assert quietest(stage.ports, "shop", every, MONDAY) == MONDAY.replace(day=24, hour=1)
    now, hour = stage.deploys.quietest(ANA, stage.ports.projects["shop"])
    assert (now, hour) == (MONDAY, MONDAY.replace(day=24, hour=1))


def test_a_reset_or_a_gap_counts_for_nothing() -> None:
    first = added({}, 1000, MONDAY)
    assert added(first, 900, MONDAY + timedelta(minutes=10))["hours"] == {}
    assert added(first, 5000, MONDAY + timedelta(hours=2))["hours"] == {}
    assert added(first, 1600, MONDAY + timedelta(minutes=10))["hours"] == {"12": 1.0}


def test_a_few_hours_are_too_few(stage: Stage) -> None:
    kept = added(added({}, 0, MONDAY), 600, MONDAY + timedelta(minutes=10))
    stage.journal.put([Put(shelf=SHELF, key="shop", doc=kept)])
    assert quiet_hours(stage.journal, "shop") == {}


def test_production_says_how_many_transactions_it_ended(database: Fresh) -> None:
    production = PostgresDatabase(database.url)
    assert production.activity() >= 0

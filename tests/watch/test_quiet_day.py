"""A day on which nothing is wrong: what is told of it, and that nobody is woken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.project import Environment
from bot.sightings.draining import Drain
from bot.sightings.funnel import Funnel
from bot.sightings.recognising import Recogniser
from tests.clocks import SetClock
from tests.sightings.day import day
from tests.watching import Post, post


def lived(p: Post, number: int) -> list[str]:
    """Let a day go by; returns what was told of it, each alert as its title with what it said."""
    drain = Drain(
        recogniser=Recogniser(project="shop", environment=Environment.PRODUCTION, slow_ms=1000, key=b"k"),
        funnel=Funnel(p.journal, lambda folded: None), clock=p.clock,
    )
    before = {alert.id for alert in p.alerts}
    for at, batch in day(datetime(2026, 11, 22 + number, tzinfo=UTC), seed=number):
        p.clock.forward(seconds=(at - p.clock.now()).total_seconds())
        drain.take(json.dumps(batch).encode(), gzipped=False)
        p.judge()
        p.walk()
    return [f"{alert.title}: {alert.said} [{alert.level}]" for alert in p.alerts if alert.id not in before]


@pytest.mark.slow
def test_a_quiet_day_wakes_nobody_and_the_next_one_hardly_says_anything(tmp_path: Path) -> None:
    with post(tmp_path, clock=SetClock(datetime(2026, 11, 23, tzinfo=UTC))) as p:
        first = lived(p, 1)
        assert len(first) <= 20, first
        assert [said for said in first if "[error]" in said] == [
            "New error in production: canceling statement due to statement timeout (57014) [error]",
        ]
        assert not any("5xx" in said or "slow" in said for said in first)
        assert not any(p.entries(record.id, "alert.called", "alert.paged") for record in p.records)
        second = lived(p, 2)
        assert len(second) <= 3, second
        assert all("(42" in said and "[notice]" in said for said in second), "typos in the SQL editor that are new"

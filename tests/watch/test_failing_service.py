"""A service that answers with 5xx: from a drain's events to one card that says how it is now, and that it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.project import Environment
from bot.domain.record import Status
from bot.sightings.draining import Drain
from bot.sightings.funnel import Funnel
from bot.sightings.recognising import Recogniser
from tests.sightings.events import event
from tests.watching import Post, post


class Gate:
    """Production's drain, before the watcher."""

    def __init__(self, p: Post) -> None:
        self._p = p
        self._drain = Drain(
            recogniser=Recogniser(project="shop", environment=Environment.PRODUCTION, slow_ms=1000, key=b"k"),
            funnel=Funnel(p.journal, lambda folded: None), clock=p.clock,
        )

    def answers(self, status: int, times: int, path: str = "/rest/v1/books") -> None:
        request = {"method": "GET", "path": path}
        batch = [event("x", self._p.clock.now(), request=request, response={"status_code": status})
                 for _ in range(times)]
        self._drain.take(json.dumps(batch).encode(), gzipped=False)


@pytest.fixture
def p(tmp_path: Path) -> Iterator[Post]:
    with post(tmp_path) as made:
        yield made


def test_one_card_a_service_says_how_it_is_now_and_ends_once_logs_say_so(p: Post) -> None:
    gate = Gate(p)
    gate.answers(200, 95)
    gate.answers(503, 4)
    p.judge()
    assert p.alerts == [], "four of a hundred"
    gate.answers(503, 26)
    gate.answers(502, 1, "/rest/v1/authors")
    p.judge()
    [alert] = p.alerts
    card = p.card(alert.id)
    assert "Requests to PostgREST fail in production" in card
    assert "31 of 126 requests within 5 min were answered 5xx (25 %); less than a day of history" in card
    assert "30 times: GET /rest/v1/books answered 503\nonce: GET /rest/v1/authors answered 502" in card
    gate.answers(503, 70)
    gate.answers(500, 12, "/functions/v1/charge")
    p.judge()
    titles = [each.title for each in p.alerts]
    assert titles == ["Requests to PostgREST fail in production", "Requests to edge functions fail in production"]
    assert "101 of 196 requests" in p.card(alert.id), "the card tells how it is now"
    p.clock.forward(minutes=16)
    p.walk()
    assert p.records[0].status is Status.LIVE, "nobody has read the logs since"
    gate.answers(200, 1)
    p.clock.forward(minutes=4)
    gate.answers(200, 1)
    p.clock.forward(seconds=6)
    gate.answers(200, 1)
    for _ in range(2):
        p.walk()
    assert [each.status for each in p.records] == [Status.ENDED, Status.ENDED]
    assert p.lines(alert.id)[-1] == "A-1 is over."


def test_one_outage_of_several_services_is_one_call(p: Post) -> None:
    gate = Gate(p)

    def lasts(minutes: int) -> int:
        for _ in range(minutes):
            for path in ("/auth/v1/token", "/rest/v1/books", "/storage/v1/object/a"):
                gate.answers(500, 20, path)
            p.judge()
            p.walk()
            p.clock.forward(seconds=60)
        return sum(len(p.entries(record.id, "alert.called")) for record in p.records)

    assert lasts(13) == 1
    assert lasts(15) == 1
    assert lasts(14) == 2, "half an hour later, when it still goes on, once more"
    assert len(p.records) == 3


def test_a_service_that_is_muted_is_not_told_again(p: Post) -> None:
    gate = Gate(p)
    gate.answers(500, 20)
    p.judge()
    facts, puts = p.people.mute("U0ANA0001", p.alerts[0].id)
    p.says(facts, puts)
    p.clock.forward(minutes=16)
    gate.answers(200, 200)
    p.clock.forward(minutes=5)
    gate.answers(200, 1)
    for _ in range(2):
        p.walk()
    gate.answers(500, 200)
    p.judge()
    assert len(p.alerts) == 1
    p.clock.forward(minutes=50)
    gate.answers(500, 200)
    p.judge()
    assert len(p.alerts) == 2

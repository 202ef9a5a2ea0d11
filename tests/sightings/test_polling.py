"""Polling against the stand-in over real sockets: nothing twice, nothing lost within a day; what is lost is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.supabase import ManagementLogs
from bot.domain.project import Environment
from bot.domain.sighting import AGREED, Batch, Folded, Reach
from bot.scrub import Scrubber
from bot.sightings import polling
from bot.sightings.draining import Drain
from bot.sightings.funnel import Funnel
from bot.sightings.polling import Poller
from bot.sightings.recognising import Recogniser
from bot.sightings.shapes import EPOCH
from rehearsal.supabase import PRODUCTION_REF, TOKEN, Supabase
from tests.clocks import SetClock
from tests.sightings.events import postgres

PRODUCTION = Environment.PRODUCTION


@pytest.fixture(scope="module")
def standing() -> Iterator[Supabase]:
    supabase = Supabase()
    supabase.start()
    yield supabase
    supabase.stop()


class House:
    """A poller with a store behind it and the stand-in before it."""

    def __init__(self, supabase: Supabase, folder: Path) -> None:
        self.supabase, self.clock, self.folder = supabase, SetClock(), folder
        supabase.table.clear()
        api = supabase.api
        api.limit, api.down, api.backend_errors = 1000, 0, 0.0
        api.refusals.clear()
        api.hits.clear()
        api.asked.clear()
        self.watching = False
        self.heard: list[Folded] = []
        self.client = httpx.Client()
        self.journal = SqliteJournal(folder / "store.db", self.clock, Scrubber())
        self.poller = self.made()

    def made(self, token: str = TOKEN, ref: str = PRODUCTION_REF) -> Poller:
        """A poller as a fresh process would have it."""
        source = ManagementLogs(self.client, self.supabase.api_url, token, ref, self.clock)
        return Poller(
            source=source, recogniser=Recogniser(project="shop", environment=PRODUCTION, slow_ms=1000, key=b"k"),
            funnel=Funnel(self.journal, self.heard.append), tallies=self.journal, clock=self.clock,
            every=timedelta(seconds=15), hurried=lambda: self.watching,
        )

    def poll(self) -> float:
        """Poll once; returns the seconds until the next time."""
        return (self.poller.poll() - self.clock.now()).total_seconds()

    def error(self, message: str = "division by zero", ago: float = 0.0, **more: str) -> str:
        return self.supabase.error(message, self.clock.now() - timedelta(seconds=ago), **more)

    @property
    def totals(self) -> dict[str, int]:
        return {fault.template: fault.total for fault in self.journal.faults("shop", PRODUCTION)}


@pytest.fixture
def house(standing: Supabase, tmp_path: Path) -> Iterator[House]:
    house = House(standing, tmp_path)
    yield house
    house.journal.close()
    house.client.close()


def test_what_counts_is_read_once_whatever_overlaps(house: House) -> None:
    house.error(ago=3600)
    house.error(ago=5)
    house.supabase.log("checkpoint complete", house.clock.now(), parsed__error_severity="LOG")
    house.poll()
    assert house.totals == {"division by zero": 2}
    for _ in range(3):
        house.clock.forward(seconds=15)
        house.error(ago=1)
        house.poll()
    assert house.totals == {"division by zero": 5}
    fault = house.journal.faults("shop", PRODUCTION)[0]
    assert fault.hits.roles == ("anon",)
    assert house.journal.reached("shop", PRODUCTION)["poll"].up_to == house.clock.now()


def test_every_source_that_counts(house: House) -> None:
    log, now = house.supabase.log, house.clock.now()
    log("duration: 2000.5 ms  statement: select 1", now, parsed__error_severity="LOG")
    log("duration: 20.5 ms  statement: select 1", now, parsed__error_severity="LOG")
    for status in ("503", "200"):
        log("x", now, source="edge_logs", request__method="GET", request__path="/rest/v1/books",
            response__status_code=status)
    log("x", now, source="function_edge_logs", request__method="POST", request__url="https://a/functions/v1/pay",
        response__status_code="500")
    log("Error: boom\n    at pay (file:///index.ts:1:1)", now, source="function_logs", level="error", function_id="f")
    log("it failed", now, source="auth_logs", level="error", path="/token", status="500", msg="Database error")
    log("it failed", now, source="storage_logs", level="error", req__url="/object/a/b", res__statusCode="500")
    log('{"code":"PGRST002","message":"Could not query the database"}', now, source="postgrest_logs")
    house.poll()
    assert set(house.totals) == {
        "select ?", "GET /rest/v1/books answered 503", "POST /functions/v1/pay answered 500",
        "Error: … in pay (index.ts)", "/token: Database error (answered 500)", "/object/a/…: it failed (answered 500)",
        "PGRST002: Could not query the database",
    }


def test_requests_are_counted_once_by_service_whatever_they_were_answered(house: House) -> None:
    now = house.clock.now()

    def asked(path: str, status: str, times: int = 1, ago: float = 120, source: str = "edge_logs") -> None:
        for _ in range(times):
            house.supabase.log("x", now - timedelta(seconds=ago), source=source, request__method="GET",
                               request__path=path, response__status_code=status)

    asked("/rest/v1/books", "200", 7)
    asked("/rest/v1/books", "503", 3)
    asked("/auth/v1/token", "401", 2)
    asked("/x", "200", 1, source="function_edge_logs")
    asked("/rest/v1/books", "200", ago=1)
    house.poll()
    house.poll()

    def counted() -> dict[str, tuple[int, int]]:
        found = house.journal.answers("shop", PRODUCTION, now - timedelta(hours=1), now + timedelta(hours=1))
        return {
            str(service): (sum(each[0] for each in minutes.values()), sum(each[1] for each in minutes.values()))
            for (service, _), minutes in found.items()
        }

    assert counted() == {"PostgREST": (10, 3), "auth": (2, 0), "edge functions": (1, 0)}
    house.clock.forward(minutes=2)
    house.poller = house.made()
    house.poll()
    assert counted()["PostgREST"] == (11, 3), "each minute once, over a restart too"
    house.supabase.api.refusals.extend([0, 400])
    house.clock.forward(minutes=6)
    house.poll()
    assert house.poller.trouble == "", "the logs are read all the same"


def test_many_pages_go_on_where_they_stopped_even_over_a_restart(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PAGES", 2)
    now = house.clock.now()
    house.supabase.add(PRODUCTION_REF, [
        {"id": f"r{n:05}", "at": now - timedelta(hours=3) + timedelta(seconds=n // 700), "message": "division by zero",
         "source": "postgres_logs", "attributes": {"parsed.error_severity": "ERROR", "parsed.sql_state_code": "22012"}}
        for n in range(5100)
    ])
    assert house.poll() == 0
    assert house.totals == {"division by zero": 2000}
    house.poller = house.made()
    assert [house.poll() for _ in range(2)] == [0, 15 * 4]
    assert house.totals == {"division by zero": 5100}


def test_an_hour_without_the_api_is_filled(house: House) -> None:
    house.poll()
    house.supabase.api.down = 503
    for minute in range(60):
        house.clock.forward(minutes=1)
        house.error(ago=1)
        if minute % 10 == 0:
            assert 15 <= house.poll() <= 120
    assert "503" in house.poller.trouble
    assert house.totals == {}
    house.supabase.api.down = 0
    house.poll()
    assert house.totals == {"division by zero": 60}
    assert house.poller.trouble == ""
    assert house.journal.gaps("shop", PRODUCTION, house.clock.now() - timedelta(days=2)) == []


def test_what_is_beyond_a_day_is_said(house: House) -> None:
    house.poll()
    begun = house.clock.now()
    house.clock.forward(hours=30)
    house.error("seen again", ago=3600 * 23, state="XX000")
    house.error("never seen", ago=3600 * 25, state="XX000")
    house.poll()
    assert set(house.totals) == {"seen again"}
    [gap] = house.journal.gaps("shop", PRODUCTION, begun)
    assert (gap.begin, gap.end) == (begun, house.clock.now() - polling.REACH)
    assert "24 h" in gap.why


def test_rows_that_come_late_are_found(house: House) -> None:
    house.poll()
    house.clock.forward(minutes=6)
    house.poll()
    house.clock.forward(minutes=6)
    house.error(ago=500)
    house.poll()
    assert house.totals == {"division by zero": 1}


def test_random_failures_are_asked_again(house: House) -> None:
    house.error()
    house.supabase.api.backend_errors = 0.3
    for _ in range(12):
        house.poll()
        house.clock.forward(seconds=30)
    assert house.totals == {"division by zero": 1}
    house.supabase.api.backend_errors = 1.0
    house.poll()
    assert "Backend error" in house.poller.trouble


@pytest.mark.parametrize(("status", "wait", "said"), [
    (429, 60, "limit is used up"), (402, 3600, "allowance"), (401, 300, "SUPABASE_ACCESS_TOKEN"), (403, 300, "right"),
    (410, 21600, "took this logs endpoint away"), (404, 300, "no project of this ref"), (500, 15, "answered 500"),
])
def test_refusals_are_said_and_waited_for(house: House, status: int, wait: float, said: str) -> None:
    house.supabase.api.down = status
    assert house.poll() == wait
    assert said in house.poller.trouble
    assert TOKEN not in house.poller.trouble
    house.supabase.api.down = 0
    house.error()
    house.poll()
    assert house.totals == {"division by zero": 1}


def test_the_limit_is_never_used_up(house: House) -> None:
    house.supabase.api.limit = 6
    waits = [house.poll() for _ in range(4)]
    assert waits[:2] == [60, 60]
    assert min(waits[2:]) > 10, "it went on although hardly any request was left"
    house.supabase.api.hits.clear()
    house.supabase.api.limit = 1000
    house.poller = house.made()
    for _ in range(40):
        house.poll()
    assert house.poller.requests == polling.PER_MINUTE


def test_the_rhythm(house: House) -> None:
    assert house.poll() == 60, "quiet"
    house.error(ago=1)
    assert house.poll() == 15, "busy"
    house.clock.forward(minutes=6)
    assert house.poll() == 60
    now = house.clock.now()
    drain = Reach(project="shop", environment=PRODUCTION, channel="drain", up_to=now, heard=now)
    house.journal.fold([Batch(reached=[drain])])
    assert house.poll() == 300, "its drain delivers"
    house.watching = True
    assert house.poll() == 15, "a promotion is watched"


def drain(house: House) -> Drain:
    """A drain of the same environment, as a fresh process has it."""
    def before() -> datetime:
        reached = house.journal.reached("shop", PRODUCTION)
        return reached["drain"].up_to if "drain" in reached else EPOCH

    return Drain(
        recogniser=Recogniser(project="shop", environment=PRODUCTION, slow_ms=1000, key=b"k"),
        funnel=Funnel(house.journal, house.heard.append), clock=house.clock, before=before,
    )


def both(house: House, door: Drain | None, message: str, *, renamed: bool = True, ago: float = 1) -> None:
    """One event of Postgres that the endpoint has, and that the drain delivers under its own id or the same one."""
    id = house.error(message, ago)
    if door is not None:
        sent = postgres(message, house.clock.now() - timedelta(seconds=ago), id=f"other {id}" if renamed else id)
        door.take(json.dumps([sent]).encode(), gzipped=False)


def test_where_both_sources_call_an_event_by_other_ids_it_counts_once(house: House) -> None:
    door = drain(house)
    both(house, door, "one", ago=1)
    house.poll()
    house.clock.forward(seconds=30)
    both(house, door, "two", ago=20)
    house.error("not found yet", 1)
    house.supabase.log("x", house.clock.now(), source="storage_logs", req__url="/object/a/b", res__statusCode="500",
                       msg="it is out")
    house.poll()
    assert house.totals == {"one": 1, "two": 1, "/object/a/…: it is out (answered 500)": 1}, (
        "the drain speaks for Postgres, and storage is asked for"
    )
    house.clock.forward(minutes=8)
    both(house, None, "three", ago=240)
    house.poll()
    assert house.totals["three"] == 1, "a drain that fell silent is not waited for"
    assert house.totals["not found yet"] == 1
    house.clock.forward(seconds=100)
    door = drain(house)
    both(house, None, "while not read", ago=60)
    both(house, door, "four")
    for _ in range(2):
        house.poll()
        house.clock.forward(minutes=6)
        both(house, door, "four")
    assert house.totals == {
        "one": 1, "two": 1, "not found yet": 1, "three": 1, "while not read": 1, "four": 3,
        "/object/a/…: it is out (answered 500)": 1,
    }


def test_where_both_call_it_the_same_what_the_drain_lost_is_found(house: House) -> None:
    door = drain(house)
    both(house, door, "known", renamed=False)
    house.poll()
    assert AGREED in house.journal.reached("shop", PRODUCTION)
    both(house, None, "not found")
    both(house, door, "known", renamed=False)
    house.poller = house.made()
    house.poll()
    assert house.totals == {"known": 2, "not found": 1}


def test_a_batch_that_was_not_taken_is_asked_for(house: House) -> None:
    door = drain(house)
    both(house, door, "one")
    house.poll()
    house.clock.forward(seconds=50)
    door.missed()
    both(house, None, "turned away", ago=20)
    both(house, door, "two")
    house.poll()
    assert house.totals == {"one": 1, "turned away": 1, "two": 1}


def test_a_wrong_query_is_said(house: House) -> None:
    address = f"{house.supabase.api_url}/v1/projects/{PRODUCTION_REF}/analytics/endpoints/logs"
    token = {"authorization": f"Bearer {TOKEN}"}
    answer = house.client.get(address, params={"sql": "select countIf(1) from logs"}, headers=token)
    assert (answer.status_code, answer.json()["error"][:13]) == (200, "Backend error")
    for parameters, status in (
        ({"iso_timestamp_start": "2026-11-23T00:00:00+00:00"}, 400),
        ({"iso_timestamp_start": "2026-11-20T00:00:00Z", "iso_timestamp_end": "2026-11-23T00:00:00Z"}, 400),
    ):
        assert house.client.get(address, params=parameters, headers=token).status_code == status


def test_ids_with_quotes_do_not_break_the_query(house: House) -> None:
    for n in range(3):
        house.error(ago=3 - n, id=f"it's \\ {n}")
    house.poll()
    assert house.totals == {"division by zero": 3}

"""The drain's door over real sockets: what is taken, what is refused and why, and what one flood does to the others."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from prometheus_client import CollectorRegistry

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.project import Environment
from bot.domain.sighting import Batch, Fault, Folded
from bot.errors import Unreachable
from bot.metrics import Metrics
from bot.scrub import Scrubber
from bot.sightings.draining import LARGEST, Drain
from bot.sightings.funnel import Funnel
from bot.sightings.recognising import Recogniser
from handlers.door import drain as door
from handlers.door.drain import PATH, DrainDoor, Mouth
from handlers.door.http import build
from tests.handlers.slack_side import TestClock, eventually, served
from tests.sightings.events import event, postgres

PRODUCTION, STAGING = Environment.PRODUCTION, Environment.STAGING
SECRETS = {("shop", PRODUCTION): "production-secret", ("shop", STAGING): "staging-secret", ("blog", PRODUCTION): "blog"}
REF = "abcdefghijklmnopqrst"


class House:
    """The door with a store behind it: one server for all tests, a store for each."""

    def __init__(self) -> None:
        self.door = DrainDoor({}, "shop", CollectorRegistry())
        self.web = build(slack=None, alive={}, ready={}, metrics=Metrics(), routes=self.door.routes())
        self.http = httpx.Client(timeout=20)
        self.url = ""

    def furnish(self, folder: Path) -> None:
        self.clock, self.heard = TestClock(), list[Folded]()
        self.journal = SqliteJournal(folder / "store.db", self.clock, Scrubber())
        self.broken = False
        funnel = Funnel(cast(Any, self), self.heard.append)  # of a store, what folds
        self.door.mouths = {
            (project, environment): Mouth(Drain(
                recogniser=Recogniser(project=project, environment=environment, slow_ms=1000, key=b"k"), funnel=funnel,
                clock=self.clock, elsewhere={REF: "staging"} if environment is PRODUCTION else {},
            ), secret.encode())
            for (project, environment), secret in SECRETS.items()
        }

    def fold(self, batches: list[Batch]) -> Folded:
        if self.broken:
            raise Unreachable("The disk is full; nothing was written.")
        return self.journal.fold(batches)

    def send(
        self, body: object, path: str = PATH, secret: str = "production-secret", **headers: str,
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(
            self.url + path, content=content, headers={"authorization": f"Bearer {secret}", **headers},
        )

    def faults(self, project: str = "shop", environment: Environment = PRODUCTION) -> list[Fault]:
        return self.journal.faults(project, environment)


@pytest.fixture(scope="module")
def standing() -> Iterator[House]:
    house = House()
    with served(house.web) as house.url:
        yield house
    house.http.close()


@pytest.fixture
def house(standing: House, tmp_path: Path) -> Iterator[House]:
    standing.furnish(tmp_path)
    yield standing
    standing.journal.close()


ONE = postgres('relation "books" does not exist')


def test_a_batch_is_folded_before_it_is_answered(house: House) -> None:
    slow = postgres("duration: 1523.118 ms  statement: select pg_sleep(1.5)", severity="LOG", state="00000")
    quick = postgres("duration: 15.118 ms  statement: select 1", severity="LOG", state="00000")
    answer = house.send([ONE, slow, quick, postgres("checkpoint complete", severity="LOG", state="00000")])
    assert (answer.status_code, answer.json()) == (202, {"taken": 4})
    assert {(fault.severity, fault.template) for fault in house.faults()} == {
        ("ERROR", 'relation "books" does not exist'), ("SLOW", "select pg_sleep(?)"),
    }
    fault = next(fault for fault in house.faults() if fault.severity == "ERROR")
    assert (fault.hits.roles, fault.objects, fault.sqlstate) == (("anon",), ("books",), "42P01")
    assert "203.0.113.7" not in str(fault)
    assert house.journal.reached("shop", PRODUCTION)["drain"].up_to == house.clock.now()
    assert [folded.counted for folded in house.heard] == [2]


def test_gzip_and_the_same_batch_twice(house: House) -> None:
    packed = gzip.compress(json.dumps([ONE, ONE]).encode()) + gzip.compress(b" ")
    for _ in range(2):
        assert house.send(packed, **{"content-encoding": "gzip"}).json() == {"taken": 2}
    assert [fault.total for fault in house.faults()] == [1]


@pytest.mark.parametrize(("path", "secret", "status"), [
    (PATH, "production-secret", 202), (f"{PATH}/shop", "production-secret", 202),
    (f"{PATH}?environment=staging", "staging-secret", 202), (f"{PATH}/blog", "blog", 202),
    (f"{PATH}?environment=staging", "production-secret", 401), (PATH, "staging-secret", 401), (PATH, "x", 401),
    (PATH, "production-secre", 401),
    (f"{PATH}/blog?environment=staging", "blog", 404), (f"{PATH}/none", "blog", 404),
    (f"{PATH}?environment=moon", "production-secret", 404),
])
def test_secrets_are_kept_apart(house: House, path: str, secret: str, status: int) -> None:
    assert house.send([ONE], path, secret).status_code == status
    assert len(house.faults()) + len(house.faults(environment=STAGING)) + len(house.faults("blog")) == (status == 202)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic x"}, {"authorization": "production-secret"},
                                     {"authorization": "Basic production-secret"}, {"authorization": "Bearer"}])
def test_no_secret_no_entrance(house: House, headers: dict[str, str]) -> None:
    assert house.http.post(house.url + PATH, content=b"[]", headers=headers).status_code == 401


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"type": "test"}', b"[]"])
def test_a_connection_test_is_no_mistake(house: House, body: bytes) -> None:
    answer = house.send(body)
    assert (answer.status_code, answer.json()["taken"]) == (202, 0)


@pytest.mark.parametrize(("body", "said"), [
    (b"nonsense", "not a JSON array"), (b'"text"', "not a JSON array"), (b"[", None), (b'{"a":', "not JSON"),
    (b"17", "not a JSON array"),
])
def test_what_is_no_json_is_refused(house: House, body: bytes, said: str | None) -> None:
    answer = house.send(body)
    if said is None:
        assert answer.json()["taken"] == 0
    else:
        assert answer.status_code == 400
        assert said in answer.json()["error"]


DEEP = '{"id":"d","timestamp":1,"metadata":' + "[" * 90_000 + "]" * 90_000 + "}"


@pytest.mark.parametrize(("poison", "why"), [
    ("17", "a number"), ("null", "null"), ('"x"', "text"), ("[]", "an array"), 
    ('{"event_message":"x"}', "no timestamp"),
    ('{"timestamp":"soon"}', "is no time"), ('{"timestamp":true}', None), ('{"timestamp":5}', "is no time"),
    ('{"timestamp":1790000000000000,"event_message":{"a":1}}', "event_message"),
    ('{"timestamp":1790000000000000,"metadata":"x"}', "metadata"),
    ('{"timestamp":1790000000000000,"metadata":{"parsed":[1,2]}}', "parsed"),
    (DEEP, "too deeply"),
    ('{"timestamp":1e400}', "is no time"), ("{1:2}", "not JSON"),
])
def test_one_bad_event_is_named_and_costs_no_good_one(house: House, poison: str, why: str | None) -> None:
    good = json.dumps(ONE)
    other = json.dumps(postgres("division by zero", state="22012"))
    answer = house.send(f"[{good},{poison},{other}]".encode())
    assert answer.status_code == 400
    told = answer.json()
    assert (told["taken"], told["bad"], told["first_bad"]["index"]) == (2, 1, 1)
    assert why is None or why in told["error"]
    assert {fault.template for fault in house.faults()} == {ONE["event_message"], "division by zero"}


@pytest.mark.parametrize("message", [
    "a\0b", "half \ud800 pair", "x" * 100_000, 'relation "' + "\\\"" * 40_000, "\u202e\x1b[31m", "'" * 50_000,
    "((((" * 25_000, "a@" * 50_000, "::" * 50_000, "1." * 50_000, "-" * 99_999, "//" * 40_000,
])
def test_odd_messages_are_counted(house: House, message: str) -> None:
    for state in ("42601", "P0001"):
        begun = time.perf_counter()
        assert house.send([postgres(message, state=state, query=message), ONE]).status_code == 202
        assert time.perf_counter() - begun < 2
    assert sum(fault.total for fault in house.faults()) == 3
    assert all(len(fault.template) <= 240 for fault in house.faults())


def test_control_characters_that_are_no_json(house: House) -> None:
    body = json.dumps([postgres("an ODD one"), ONE]).encode().replace(b"ODD", b"\x01\x00\xff")
    assert house.send(body).json() == {"taken": 2}


def test_the_other_shapes(house: House) -> None:
    flat = {
        "id": "f", "timestamp": house.clock.now().isoformat(), "event_message": "division by zero",
        "source": "postgres_logs",
        "log_attributes": {"parsed.error_severity": "ERROR", "parsed.sql_state_code": "22012"},
    }
    lists = {**ONE, "metadata": [{"parsed": [ONE["metadata"]["parsed"]], "host": None}]}
    assert house.send([flat, lists]).json() == {"taken": 2}
    assert {fault.sqlstate for fault in house.faults()} == {"22012", "42P01"}


def test_other_sources(house: House) -> None:
    asked = {"method": "GET", "path": "/rest/v1/books"}
    answer = house.send([
        event("GET | 503 | /rest/v1/books", request=asked, response={"status_code": 503}),
        event("GET | 200 | /rest/v1/books", request=asked, response={"status_code": 200}),
        event("POST | 500", request={"method": "POST", "url": "https://x/functions/v1/charge"}, function_id="f1",
              response={"status_code": 500}),
        event("TypeError: boom\n    at charge (file:///a/index.ts:1:2)", function_id="f1", execution_id="e",
              event_type="UncaughtException"),
        event('{"error":"Database error saving new user","level":"error"}', component="api", level="error", status=500,
              path="/signup", msg="500: Database error saving new user"),
        event("storage is out", req={"url": "/object/a/b.png"}, res={"statusCode": 502}, level="error"),
        event('{"code":"PGRST001","message":"Database client error. Retrying the connection."}',
              source="postgrest_logs"),
        event("a log line", level="info", event_type="Log", execution_id="e"),
    ])
    assert answer.json() == {"taken": 8}
    assert {(fault.source, fault.template) for fault in house.faults()} == {
        ("edge", "GET /rest/v1/books answered 503"), ("edge_function", "POST /functions/v1/charge answered 500"),
        ("edge_function", "TypeError: … in charge (index.ts)"),
        ("auth", "/signup: …: Database error saving new user (answered 500)"),
        ("storage", "/object/a/…: storage is out (answered 502)"),
        ("postgrest", "PGRST001: Database client error. Retrying the connection."),
    }


def test_clocks_that_differ_and_rows_that_come_late(house: House) -> None:
    now = house.clock.now()
    answer = house.send([
        postgres("it failed ahead", now + timedelta(hours=5)), postgres("it failed late", now - timedelta(hours=25)),
        postgres("it failed stale", now - timedelta(hours=27)),
    ])
    assert answer.json() == {"taken": 3}
    seen = {fault.template: fault.first_seen for fault in house.faults()}
    assert seen == {"it failed ahead": now, "it failed late": now - timedelta(hours=25)}
    assert house.journal.reached("shop", PRODUCTION)["drain"].up_to == now
    for what in ("stale", "ahead"):
        labels = {"project": "shop", "environment": "production", "what": what}
        assert house.door.registry.get_sample_value("stagedoor_log_events_total", labels) == 1


def test_batches_out_of_order_count_the_same(house: House) -> None:
    now = house.clock.now()
    batches = [[postgres("a fault", now - timedelta(seconds=n), id=f"e{n}")] for n in (3, 1, 2, 3, 1)]
    with ThreadPoolExecutor(5) as threads:
        assert [answer.status_code for answer in threads.map(house.send, batches)] == [202] * 5
    [fault] = house.faults()
    assert (fault.total, fault.first_seen) == (3, now - timedelta(seconds=3))
    assert fault.last_seen == now - timedelta(seconds=1)


def test_events_of_another_project_are_sent_back(house: House) -> None:
    answer = house.send([{**ONE, "identifier": REF}])
    assert answer.status_code == 400
    assert "events of staging" in answer.json()["error"]
    assert house.faults() == []


def test_bodies_too_large(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b" " * (LARGEST + 2), 9)
    assert len(bomb) < 50_000
    assert house.send(bomb, **{"content-encoding": "gzip"}).status_code == 413
    assert house.send(b"not gzip", **{"content-encoding": "gzip"}).status_code == 400
    assert house.send(gzip.compress(b"[]")[:-4], **{"content-encoding": "gzip"}).status_code == 400
    assert house.send(b"[]", **{"content-encoding": "br"}).status_code == 415
    monkeypatch.setattr(door, "LARGEST_BODY", 1000)
    assert house.send(b" " * 1001).status_code == 413


def test_a_store_out_of_reach_is_never_a_202(house: House) -> None:
    house.broken = True
    assert house.send([ONE]).status_code == 503
    house.broken = False
    assert house.send([ONE]).status_code == 202
    assert [fault.total for fault in house.faults()] == [1]


@pytest.mark.parametrize("alone", [True, False])
def test_what_was_turned_away_and_nobody_asks_for_is_a_gap(house: House, alone: bool) -> None:
    house.door.mouths["shop", PRODUCTION].drain.alone = alone
    begun, house.broken = house.clock.now(), True
    for _ in range(2):
        assert house.send([ONE]).status_code == 503
        house.clock.forward(seconds=20)
    house.broken = False
    for _ in range(2):
        assert house.send([ONE]).status_code == 202
        house.clock.forward(minutes=2)
    assert house.send([postgres("again")]).status_code == 202
    gaps = house.journal.gaps("shop", PRODUCTION, begun - timedelta(minutes=1))
    assert [(gap.begin, gap.end) for gap in gaps] == [(begun, begun + timedelta(seconds=20))] * alone


def test_a_flood_or_a_slow_body_of_one_never_starves_another(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "WAITING", 5)
    monkeypatch.setattr(door, "BODY_TIME", 1.5)
    host, port = house.url.removeprefix("http://").split(":")
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer production-secret\r\ncontent-length: 99\r\n\r\n["
    slow = [socket.create_connection((host, int(port))) for _ in range(5)]
    for each in slow:
        each.sendall(head.encode())
    eventually(lambda: house.door.mouths["shop", PRODUCTION].waiting == 5)
    answer = house.send([ONE])
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert house.send([ONE], f"{PATH}?environment=staging", "staging-secret").status_code == 202
    assert house.http.get(house.url + "/healthz").status_code == 200
    for each in slow:
        each.settimeout(5)
        assert b"408" in each.recv(1000)
        each.close()
    assert house.send([ONE]).status_code == 202


def test_many_at_once_share_folds(house: House) -> None:
    barrier = threading.Barrier(12)

    def send(number: int) -> int:
        barrier.wait()
        return house.send([postgres("a fault", id=f"{number}-{n}") for n in range(250)]).status_code

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(send, range(12))) == {202}
    [fault] = house.faults()
    assert fault.total == 3000

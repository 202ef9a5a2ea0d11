"""From what the logs counted to one alert: raised once, counted, folded, called, paged, quiet."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.loop import Loop
from bot.adapters.pager import HttpPager
from bot.adapters.pictures import DrawnPictures
from bot.domain.entry import Fact, Json, Opening
from bot.domain.record import Status
from bot.domain.sighting import Severity
from bot.errors import Refused
from bot.ports import Put
from bot.watch.watcher import Watcher
from tests.deploying import Killed, Mortal
from tests.watching import ANA, BO, CY, POLICY, Post, post

MISSING = 'column "…" does not exist'


@pytest.fixture
def p(tmp_path: Path) -> Iterator[Post]:
    with post(tmp_path) as made:
        yield made


class Pagers(BaseHTTPRequestHandler):
    """PagerDuty's Events API, as far as it joins what has the same key."""

    heard: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).heard.append(body)
        self.send_response(202 if len(type(self).heard) > 1 or body.get("event_action") else 500)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def duty() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    heard: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Duty", (Pagers,), {"heard": heard}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v2/enqueue", heard
    server.shutdown()
    server.server_close()


def promoted(p: Post, ago: float, touched: list[str]) -> None:
    """P-31 went into production so many seconds ago and is watched."""
    plan: dict[str, Json] = {"project": "shop", "environment": "production", "head": None, "files": [
        {"version": "1", "name": "a", "filename": "1_a.sql", "sha256": "x", "statements": 1},
    ]}
    p.clock.forward(seconds=-ago)
    p.says([Fact(about="P-31", kind="promotion.requested", actor=ANA, data={"kind": "promotion", "plan": plan},
                 opens=Opening(kind="promotion", project="shop", stage="watch"))])
    p.says([Fact(about="P-31", kind="apply.committed", actor="stagedoor",
                 data={"version": "1", "seconds": 0.1, "statements": 1})])
    until = (p.clock.now() + timedelta(minutes=30)).isoformat()
    p.says([Fact(about="P-31", kind="watch.begun", actor="stagedoor", data={"until": until, "health": []})])
    p.clock.forward(seconds=ago)
    p.journal.put([Put(shelf="touched", key="P-31", doc={"names": list(touched)})])


def test_a_new_error_is_one_alert_whose_count_moves(p: Post) -> None:
    p.happens(MISSING, 3)
    p.judge()
    p.happens(MISSING, 11)
    p.judge()
    [alert] = p.alerts
    assert alert.title == "New error in production"
    card = p.card(alert.id)
    assert "14 times in 1 s, rising" in card
    assert f"{MISSING} (42703)" in card
    assert "From Postgres as authenticated" in card
    p.judge()
    assert len(p.records) == 1


def test_below_the_threshold_nothing_is_told(tmp_path: Path) -> None:
    with post(tmp_path, policy=POLICY + "[watch]\nerror_threshold = 5\n") as p:
        p.happens(MISSING, 4)
        p.judge()
        assert p.alerts == []
        p.happens(MISSING)
        p.judge()
        assert len(p.alerts) == 1


def test_what_names_a_table_of_the_promotion_is_put_down_to_it(p: Post) -> None:
    promoted(p, 120, ["public.user_profiles.legacy_code"])
    p.happens(MISSING, objects=("legacy_code",))
    p.judge()
    [alert] = p.alerts
    assert alert.cause
    assert alert.cause.sure
    card = p.card(alert.id)
    assert "New error since P-31" in card
    said = "Likely cause: promotion P-31: it names public.user_profiles.legacy_code, which P-31 changed; first seen "
    assert f"{said}2 min after it, never before." in card
    assert alert.wakes == "alarm"
    assert p.buttons(alert.id) == ["Acknowledge", "Roll back", "Open incident", "Mute 1 h"]
    p.says(p.people.acknowledge(ANA, alert.id))
    assert p.buttons(alert.id) == ["Roll back", "Open incident", "Mute 1 h"]


@pytest.mark.parametrize(("role", "objects"), [("anon", ("legacy_code",)), ("authenticated", ("other_thing",))])
def test_what_an_outsider_or_the_time_alone_shows_may_only_be_linked(p: Post, role: str, objects: tuple[str]) -> None:
    promoted(p, 120, ["public.user_profiles.legacy_code"])
    p.happens(MISSING, role=role, objects=objects)
    p.judge()
    [alert] = p.alerts
    assert "May be linked to: promotion P-31" in p.card(alert.id)
    assert "Roll back" not in p.buttons(alert.id)
    assert alert.wakes is None


def test_what_was_there_before_the_promotion_is_not_put_down_to_it(p: Post) -> None:
    p.happens(MISSING, ago=600, objects=("legacy_code",))
    promoted(p, 120, ["public.user_profiles.legacy_code"])
    p.happens(MISSING, objects=("legacy_code",))
    p.judge()
    [alert] = p.alerts
    assert alert.cause is None


def test_a_storm_is_one_message_with_the_top_ten(p: Post) -> None:
    for number in range(500):
        p.happens(f"fault {number}", 1 + (number == 7) * 9)
    p.judge()
    [alert] = p.alerts
    assert alert.title == "500 new errors in production"
    view = p.card(alert.id)
    assert "509 times" in view
    p.happens("fault 3", 30)
    p.judge()
    assert len(p.records) == 1
    assert "539 times" in p.card(alert.id)


def test_more_than_ten_an_hour_share_an_alert_and_fatal_never_hides_there(p: Post) -> None:
    for number in range(14):
        p.happens(f"fault {number}")
        p.judge()
    p.happens("could not write", severity=Severity.PANIC, sqlstate="58030")
    p.judge()
    titles = [alert.title for alert in p.alerts]
    assert titles.count("New error in production") == 10
    assert titles[-1] == "PANIC in production"
    assert len(titles) == 12


@pytest.mark.parametrize("noise", [
    {"severity": Severity.FATAL, "sqlstate": "28P01"},
    {"sqlstate": "57014", "role": "supabase_admin"},
])
def test_noise_of_the_platform_wakes_nobody(p: Post, noise: dict[str, Any]) -> None:
    p.happens("canceling statement due to user request", **noise)
    p.judge()
    assert all(alert.level != "fatal" for alert in p.alerts)


def test_a_known_error_far_above_its_usual_rate_is_told_with_how_much_is_known(p: Post) -> None:
    p.happens(MISSING, 2)
    p.judge()
    [first] = p.alerts
    p.says([Fact(about=first.id, kind="alert.over", actor=ANA)])
    p.walk()
    p.clock.forward(days=3)
    p.happens(MISSING, 8)
    p.judge()
    assert len(p.alerts) == 1
    p.happens(MISSING, 90)
    p.judge()
    [_, alert] = p.alerts
    assert alert.title == "Error far above its usual rate"
    assert "only 3 days of history, too little for this hour's own" in "\n".join(p.lines(alert.id))
    assert "98 times" in p.card(alert.id)
    assert alert.before == first.id


def test_while_it_learns_only_what_cannot_wait_is_told_and_then_one_digest(tmp_path: Path) -> None:
    with post(tmp_path, policy=POLICY + '[watch]\nlearning = "24h"\n') as p:
        for number in range(30):
            p.happens(f"known {number}")
        p.judge()
        assert p.alerts == []
        p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
        p.judge()
        assert [alert.title for alert in p.alerts] == ["FATAL in production"]
        p.clock.forward(hours=25)
        p.happens("known 3")
        p.judge()
        digest = p.alerts[-1]
        assert digest.title == "31 known faults in production"
        assert len(p.alerts) == 2
        p.happens("something new")
        p.judge()
        assert p.alerts[-1].title == "New error in production"


def test_fatal_calls_on_call_at_once_and_a_lasting_error_after_ten_minutes(p: Post) -> None:
    p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
    p.happens(MISSING)
    p.judge()
    p.walk()
    fatal, error = sorted(p.alerts, key=lambda each: each.level != "fatal")
    assert f"<@{CY}> {fatal.id}, fatal in production. Press Acknowledge on it." in p.lines(fatal.id)
    assert not error.called
    for _ in range(11):
        p.clock.forward(minutes=1)
        p.happens(MISSING)
        p.judge()
        p.walk()
    assert p.lines(error.id)[-1].startswith(f"<@{CY}> {error.id}")
    p.walk()
    assert len(p.entries(error.id, "alert.called")) == 1


def test_acknowledged_it_is_silent_until_it_doubles(p: Post) -> None:
    p.happens(MISSING, 10)
    p.judge()
    [alert] = p.alerts
    p.says(p.people.acknowledge(ANA, alert.id))
    lines = p.lines(alert.id)
    p.happens(MISSING, 5)
    p.judge()
    p.walk()
    assert p.lines(alert.id) == lines
    p.happens(MISSING, 5)
    p.judge()
    p.walk()
    p.walk()
    assert p.lines(alert.id) == [*lines, f"<@{ANA}>: {alert.id} has doubled since, to 20 times. Look again."]
    with pytest.raises(Refused):
        p.people.acknowledge(BO, alert.id)


def test_muted_nobody_is_called_and_a_policys_pattern_keeps_it_from_being_raised(tmp_path: Path) -> None:
    rules = POLICY + '[[mutes]]\npattern = "*book_events*"\nuntil = 2099-01-01T00:00:00Z\nreason = "known"\n'
    with post(tmp_path, policy=rules) as p:
        p.happens('relation "book_events" does not exist')
        p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
        p.judge()
        [alert] = p.alerts
        facts, puts = p.people.mute(BO, alert.id)
        p.says(facts, puts)
        p.walk()
        assert not p.alerts[0].called
        p.clock.forward(minutes=61)
        p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
        p.judge()
        p.walk()
        assert p.alerts[0].called


def test_quiet_it_resolves_itself_and_says_so_once(p: Post) -> None:
    p.happens(MISSING, 4)
    p.judge()
    p.clock.forward(minutes=16)
    p.read_up_to(p.clock.now() - timedelta(minutes=12))
    p.walk()
    [record] = p.records
    assert record.status is Status.LIVE              # the logs were not read so far: nobody knows
    p.read_up_to(p.clock.now())
    p.clock.forward(minutes=1)
    p.walk()
    [record] = p.records
    assert record.status is Status.ENDED
    assert p.lines(record.id)[-1] == f"{record.id} is over: quiet, 4 in all."
    assert "Quiet since" in p.card(record.id)


def test_paged_once_acknowledged_and_resolved_over_http(tmp_path: Path, duty: tuple[str, list[dict[str, Any]]]) -> None:
    url, heard = duty
    with post(tmp_path, pager=HttpPager(url, "routing")) as p:
        p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
        p.judge()
        p.walk()
        p.walk()
        [alert] = p.alerts
        assert [each["event_action"] for each in heard] == ["trigger"]
        assert heard[0]["routing_key"] == "routing"
        assert heard[0]["payload"]["severity"] == "critical"
        p.says(p.people.acknowledge(ANA, alert.id))
        p.walk()
        p.clock.forward(minutes=20)
        p.walk()
        assert [each["event_action"] for each in heard] == ["trigger", "acknowledge", "resolve"]
        assert {each["dedup_key"] for each in heard} == {heard[0]["dedup_key"]}


def test_a_pager_that_fails_is_said_and_tried_again(tmp_path: Path, duty: tuple[str, list[dict[str, Any]]]) -> None:
    url, heard = duty
    with post(tmp_path, pager=HttpPager(url.replace("/v2/enqueue", "/hook"), "k")) as p:
        p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
        p.judge()
        p.walk()
        [alert] = p.alerts
        assert "Could not page: the pager answered 500." in p.card(alert.id)
        p.clock.forward(seconds=20)
        p.walk()
        assert [each["event"] for each in heard] == ["trigger", "trigger"]
        assert "Paged" in p.card(alert.id)


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5])
def test_killed_at_any_write_it_is_raised_called_and_paged_once(
    tmp_path: Path, duty: tuple[str, list[dict[str, Any]]], writes: int,
) -> None:
    url, heard = duty
    with post(tmp_path, pager=HttpPager(url, "k")) as p:
        p.happens("out of memory", severity=Severity.FATAL, sqlstate="53200")
        try:
            dying = Mortal(p.journal, writes)
            p.judge(dying)
            p.walk(dying)
        except Killed:
            pass
        p.judge()
        p.walk()
        p.walk()
        [alert] = p.alerts
        assert alert.id == "A-1"
        assert len(p.entries(alert.id, "alert.called")) == 1
        assert len(p.entries(alert.id, "alert.paged")) == 1
        assert len({each["dedup_key"] for each in heard}) == 1    # which PagerDuty joins


@pytest.mark.slow
def test_the_picture_is_drawn_once_with_its_words(tmp_path: Path) -> None:
    with post(tmp_path, pictures=DrawnPictures()) as p:
        promoted(p, 120, ["public.books"])
        p.happens(MISSING, 9, objects=("books",))
        p.judge()
        p.clock.forward(minutes=3)
        p.walk()
        p.walk()
        [alert] = p.alerts
        [drawn] = p.entries(alert.id, "alert.pictured")
        assert p.journal.fetch(str(drawn.data["sha256"])).startswith(b"\x89PNG")
        assert "9 events" in str(drawn.data["alt"])
        assert "P-31 went in at" in str(drawn.data["alt"])


def test_the_first_event_is_an_alert_within_a_second(p: Post) -> None:
    watcher = Watcher(p.ports)
    judging = Loop("judging", watcher.logs, p.clock)
    judging.start()
    for number in range(5):
        time.sleep(0.05)
        begun = time.monotonic()
        p.happens(f"fault {number}")
        judging.nudge()                              # as the funnel does after each fold that counted
        while len(p.records) <= number:
            assert time.monotonic() - begun < 1
            time.sleep(0.005)
    judging.stop(1)


def test_samples_are_for_operators_alone(p: Post) -> None:
    p.happens(MISSING, sample='column "Jane Doe" does not exist')
    p.judge()
    [alert] = p.alerts
    with pytest.raises(Refused):
        p.people.samples(CY, alert.id)
    assert p.people.samples(ANA, alert.id).samples[0].text == 'column "Jane Doe" does not exist'
    assert "Jane" not in p.card(alert.id) + "\n".join(p.lines(alert.id))
    p.says(p.people.erase(BO, alert.id))
    assert not p.people.samples(ANA, alert.id).samples

"""Socket Mode: the same promotions over connections that drop, are refreshed and deliver again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from rehearsal.world import APP_TOKEN, BOT_TOKEN
from tests.stories.house import ANA, BO, FEATURE, UNCHECKED, House

pytestmark = pytest.mark.slow  # many whole worlds: .ci/run has the time for them

ROOT = Path(__file__).parents[2]
TWO = 2


def opened(house: Callable[..., House], **world: object) -> House:
    h = house(socket_mode=True, **world)
    h.slack.sockets.wait_connected(TWO)
    return h


def get(h: House, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{h.bot_port}{path}", timeout=5)


def test_a_whole_promotion(house: Callable[..., House]) -> None:
    h = opened(house)
    h.only(FEATURE)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    assert h.history()[-1] == FEATURE
    assert all(delivered.ok for delivered in h.slack.deliveries)
    used = {envelope["type"] for envelope in h.slack.sockets.envelopes}
    assert used >= {"slash_commands", "interactive"}


def test_the_health_endpoints_stay_and_the_door_for_slack_is_gone(house: Callable[..., House]) -> None:
    h = opened(house)
    assert get(h, "/healthz").status_code == 200
    ready = h.until(lambda: r if (r := get(h, "/readyz")).status_code == 200 else None, "readiness")
    assert ready.json()["parts"]["sockets"] == "ok"
    assert "stagedoor_sockets 2.0" in get(h, "/metrics").text
    assert httpx.post(f"http://127.0.0.1:{h.bot_port}/slack/events", content=b"{}").status_code == 404


def test_without_a_connection_it_is_not_ready_and_it_comes_back(house: Callable[..., House]) -> None:
    h = opened(house)
    h.slack.troubles.failing(times=None, status=503, methods=("apps.connections.open",))
    h.slack.drop_sockets()
    told = h.until(lambda: r.json() if (r := get(h, "/readyz")).status_code == 503 else None, "the loss to be said")
    assert told["parts"]["sockets"].startswith("no connection to Slack")
    h.slack.troubles.clear()
    h.slack.sockets.wait_connected(TWO, within=40)
    assert h.says(ANA, "/migrate status").ok


def test_connections_lost_in_the_middle_of_a_promotion(house: Callable[..., House]) -> None:
    h = opened(house)
    h.end_bot()
    h.write_policy(UNCHECKED)
    h.start_bot()
    h.slack.sockets.wait_connected(TWO, within=40)
    h.only(FEATURE)
    h.write("20261101130000_slow.sql", "select pg_sleep(2);\ncreate table slowly (id int);\n"
            "alter table slowly enable row level security;\n")
    card = h.ready_to_approve()
    time.sleep(2.5)     # past the age below which a lost connection is taken for a failed attempt
    h.presses(BO, card, "Approve")
    h.until(lambda: h.production_rows("select 1 from pg_stat_activity where query like '%pg_sleep(2)%'"
                                      " and pid <> pg_backend_pid()"), "the slow statement")
    assert h.slack.drop_sockets() == TWO
    assert h.says(ANA, "/migrate status").ok    # a command of that very moment finds a new connection
    h.reads(card, "Done · in production")
    assert h.history()[-1] == "20261101130000"
    assert h.slack.sockets.opened >= 2 * TWO


def test_a_refresh_costs_nobody_a_word(house: Callable[..., House]) -> None:
    h = opened(house)
    refreshing = threading.Thread(target=h.slack.refresh_sockets, kwargs={"warning": 1.0})
    refreshing.start()
    until = time.monotonic() + 3
    said = []
    while time.monotonic() < until:
        said.append(h.says(ANA, "/migrate help"))
        time.sleep(0.02)
    refreshing.join()
    assert len(said) > 20
    assert [delivered.error for delivered in said if not delivered.ok] == []
    assert max(delivered.seconds for delivered in said) < 1
    h.slack.sockets.wait_connected(TWO)
    assert h.slack.sockets.opened == 2 * TWO


def test_three_copies_in_new_envelopes_count_once(house: Callable[..., House]) -> None:
    h = opened(house)
    h.only(FEATURE)
    h.says(ANA, "/migrate stage", copies=3)
    h.reads("S-1", "Done · in staging")
    sent = [e for e in h.slack.sockets.envelopes if e["payload"].get("text") == "stage"]
    assert len(sent) == len({e["envelope_id"] for e in sent}) == 3
    assert h.history(h.staging).count(FEATURE) == 1
    with pytest.raises(LookupError):
        h.card("S-2")


def test_what_was_never_acknowledged_comes_again(house: Callable[..., House]) -> None:
    """The process is killed once the delivery is stored and before Slack hears of it."""
    h = house(
        socket_mode=True, slack={"retry_delays": (0.5, 2.0, 4.0, 8.0)},
        command=[sys.executable, "-m", "tests.stories.killing", "serve"],
        environment={"PYTHONPATH": str(ROOT), "KILL_AT": "receive:1:after"},
    )
    h.slack.sockets.wait_connected(TWO)
    h.only(FEATURE)
    said = h.says(ANA, "/migrate stage")
    assert not said.ok
    h.until(lambda: h.bot is not None and h.bot.poll() is not None, "the death")
    h._given.pop("KILL_AT")
    h.restart()
    h.reads("S-1", "Done · in staging")
    h.until(lambda: any(d.retry and d.ok for d in h.slack.deliveries), "the same payload once more")
    time.sleep(1)
    with pytest.raises(LookupError):
        h.card("S-2")


def test_killed_between_the_acknowledgement_and_the_work(house: Callable[..., House]) -> None:
    h = house(
        socket_mode=True, command=[sys.executable, "-m", "tests.stories.killing", "serve"],
        environment={"PYTHONPATH": str(ROOT), "KILL_AT": "work:1:before"},
    )
    h.slack.sockets.wait_connected(TWO)
    h.only(FEATURE)
    h.says(ANA, "/migrate stage")
    h.until(lambda: h.bot is not None and h.bot.poll() is not None, "the death")
    h._given.pop("KILL_AT")
    h.restart()
    h.reads("S-1", "Done · in staging")
    with pytest.raises(LookupError):
        h.card("S-2")


def test_a_graceful_end_acknowledges_what_it_has_stored(house: Callable[..., House]) -> None:
    h = opened(house)
    said = h.says(ANA, "/migrate help")
    assert said.ok
    assert h.end_bot() == 0
    assert not h.slack.sockets.lines


def test_a_wrong_app_token_is_a_configuration_error(house: Callable[..., House]) -> None:
    h = house(socket_mode=True, start=False, environment={"SLACK_APP_TOKEN": "xapp-of-another-app"})
    h.start_bot(wait=False)
    assert h.bot is not None
    assert h.bot.wait(20) == 2
    assert "SLACK_APP_TOKEN: Slack says invalid_auth." in h.bot_log()


def test_no_payload_and_no_token_is_printed(house: Callable[..., House]) -> None:
    h = opened(house, environment={"LOG_LEVEL": "DEBUG"})
    h.says(ANA, "/migrate status of-something-unheard-of")
    h.slack.drop_sockets()
    h.slack.sockets.wait_connected(TWO)
    h.end_bot()
    printed = h.bot_log()
    for hidden in ("unheard-of", APP_TOKEN, BOT_TOKEN, "ticket=", "envelope_id"):
        assert hidden not in printed

"""The client of Socket Mode against the stand-in: what it survives, and how fast it is back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from slack_sdk import WebClient

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.system_clock import SystemClock
from bot.metrics import Metrics
from bot.scrub import Scrubber
from handlers.conversation import Ask, Reply, Subject
from handlers.door.listeners import build_app
from handlers.door.socket_mode import SocketMode
from rehearsal.slack import Slack
from tests.handlers.slack_side import ME, eventually

ANA = "U0ANA0001"
APP_TOKEN = "xapp-made-up"


class Door:
    """A client with a real inbox behind it."""

    def __init__(self, slack: Slack, folder: Path, connections: int = 2) -> None:
        self.slack = slack
        self.journal = SqliteJournal(folder / "store.db", SystemClock(), Scrubber(()))
        client = WebClient(token=ME.token, base_url=slack.api_url)
        subject = Subject(commands={"/migrate": _nothing})
        app = build_app(ME, self.journal, (subject,), SystemClock(), lambda: None, client, Metrics())
        self.sockets = SocketMode(app, client, APP_TOKEN, Metrics(), connections)

    def stored(self) -> int:
        return len(list(self.journal.pending(SystemClock().now())))


def _nothing(ask: Ask) -> Reply:
    return Reply()


@contextmanager
def opened(slack: Slack, folder: Path, connections: int = 2) -> Iterator[Door]:
    door = Door(slack, folder, connections)
    door.sockets.start()
    try:
        yield door
    finally:
        door.sockets.stop()
        door.journal.close()


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(app_token=APP_TOKEN, retry_delays=()) as slack:
        yield slack


def test_it_takes_and_acknowledges_over_any_of_its_connections(slack: Slack, tmp_path: Path) -> None:
    with opened(slack, tmp_path) as door:
        slack.sockets.wait_connected(2)
        assert all(slack.command(ANA, f"/migrate {n}").ok for n in range(20))
        assert door.stored() == 20
        assert door.sockets.state() is None


def test_a_copy_is_acknowledged_and_stored_once(slack: Slack, tmp_path: Path) -> None:
    with opened(slack, tmp_path) as door:
        slack.sockets.wait_connected(2)
        said = slack.command(ANA, "/migrate promote", copies=3)
        assert [copy.ok for copy in said.copies] == [True, True, True]
        assert door.stored() == 1


def test_a_large_payload_arrives_whole(slack: Slack, tmp_path: Path) -> None:
    with opened(slack, tmp_path) as door:
        slack.sockets.wait_connected(2)
        assert slack.command(ANA, "/migrate " + "ü" * 400_000).ok
        [row] = door.journal.pending(SystemClock().now())
        assert str(row.payload["text"]) == "ü" * 400_000


def test_a_payload_of_an_unexpected_shape_is_not_acknowledged_and_harms_nobody(slack: Slack, tmp_path: Path) -> None:
    slack.delivery.patience = 0.3
    with opened(slack, tmp_path):
        slack.sockets.wait_connected(2)
        for payload in ({"type": "block_actions"}, {"type": "event_callback", "event": 3}, {"command": "/migrate"}):
            assert slack.delivery.interaction({"type": "?", **payload}).error == "operation_timeout"
        slack.delivery.patience = 3.0
        assert slack.command(ANA, "/migrate status").ok


def test_a_lost_connection_is_back_within_a_second(slack: Slack, tmp_path: Path) -> None:
    with opened(slack, tmp_path):
        slack.sockets.wait_connected(2)
        time.sleep(2.1)    # a connection of some age
        begun = time.monotonic()
        slack.drop_sockets()
        slack.wait_for(lambda: slack.sockets.opened >= 4 and len(slack.sockets.lines) >= 2)
        assert time.monotonic() - begun < 1


def test_connections_that_end_at_once_are_not_opened_in_a_loop(slack: Slack, tmp_path: Path) -> None:
    with opened(slack, tmp_path, connections=11):     # the eleventh is one too many for Slack
        slack.sockets.wait_connected(10)
        time.sleep(2)
        assert len(slack.sockets.lines) == 10
        assert len([call for call in slack.calls if call.method == "apps.connections.open"]) < 20


def test_an_absent_slack_is_waited_for(slack: Slack, tmp_path: Path) -> None:
    slack.troubles.failing(times=2, status=503, methods=("apps.connections.open",))
    with opened(slack, tmp_path) as door:
        eventually(lambda: "no connection to Slack" in (door.sockets.state() or ""))
        slack.sockets.wait_connected(2, within=10)


def test_slack_says_when_to_ask_again(slack: Slack, tmp_path: Path) -> None:
    slack.troubles.too_many(times=1, retry_after=2, methods=("apps.connections.open",))
    begun = time.monotonic()
    with opened(slack, tmp_path):
        slack.sockets.wait_connected(1, within=10)
    assert time.monotonic() - begun > 2


def test_a_half_dead_line_is_noticed(slack: Slack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.door.socket_mode.ALIVE", 0.2)
    with opened(slack, tmp_path, connections=1) as door:
        slack.sockets.wait_connected(1)
        [line] = slack.sockets.lines
        line.loop.call_soon_threadsafe(line.socket.scope["rehearsal.connection"].pause_reading)
        slack.wait_for(lambda: slack.sockets.opened >= 2, why="A new connection")
        assert door.sockets.connected() == 1


def test_stopping_ends_every_connection_and_takes_nothing_new(slack: Slack, tmp_path: Path) -> None:
    door = Door(slack, tmp_path)
    door.sockets.start()
    slack.sockets.wait_connected(2)
    begun = time.monotonic()
    door.sockets.stop()
    assert time.monotonic() - begun < 3
    slack.wait_for(lambda: not slack.sockets.lines)
    door.journal.close()

"""The stand-in's Socket Mode is as strict as Slack's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from rehearsal.slack import Slack

ANA = "U0ANA0001"
APP_TOKEN = "xapp-made-up"


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(app_token=APP_TOKEN, patience=1.0, retry_delays=(0.1,)) as slack:
        yield slack


def ticket(slack: Slack, token: str = APP_TOKEN) -> str:
    answer = WebClient(token=token, base_url=slack.api_url).apps_connections_open(app_token=token)
    return str(answer["url"])


@contextmanager
def opened(slack: Slack) -> Iterator[ClientConnection]:
    with connect(ticket(slack), proxy=None) as connection:
        assert read(connection)["type"] == "hello"
        yield connection


def read(connection: ClientConnection) -> dict:
    found = json.loads(connection.recv(timeout=5))
    assert isinstance(found, dict)
    return found


def says(slack: Slack, text: str = "/migrate status") -> tuple[threading.Thread, list]:
    said: list = []
    thread = threading.Thread(target=lambda: said.append(slack.command(ANA, text)))
    thread.start()
    return thread, said


def test_an_address_opens_one_connection_once(slack: Slack) -> None:
    address = ticket(slack)
    with connect(address, proxy=None) as connection:
        assert read(connection)["connection_info"]["app_id"]
        with pytest.raises(InvalidStatus), connect(address, proxy=None):
            pass


@pytest.mark.parametrize(("token", "error"), [
    ("xoxb-rehearsal", "not_allowed_token_type"), ("xapp-other", "invalid_auth"),
])
def test_only_the_app_token_opens_connections(slack: Slack, token: str, error: str) -> None:
    with pytest.raises(SlackApiError, match=error):
        ticket(slack, token)


def test_a_payload_travels_in_an_envelope_and_its_answer_in_the_acknowledgement(slack: Slack) -> None:
    with opened(slack) as connection:
        thread, said = says(slack)
        frame = read(connection)
        assert (frame["type"], frame["accepts_response_payload"]) == ("slash_commands", True)
        assert frame["payload"]["text"] == "status"
        assert "retry_attempt" not in frame
        connection.send(json.dumps({"envelope_id": frame["envelope_id"], "payload": {"text": "all well"}}))
        thread.join()
    assert said[0].ok
    assert "all well" in slack.text_of(slack.ephemerals(ANA)[-1])


def test_what_is_not_acknowledged_fails_for_the_person_and_comes_again_in_a_new_envelope(slack: Slack) -> None:
    with opened(slack) as connection:
        thread, said = says(slack)
        first, again = read(connection), read(connection)
        thread.join()
        assert said[0].error == "operation_timeout"
        assert again["payload"] == first["payload"]
        assert again["envelope_id"] != first["envelope_id"]
        assert (again["retry_attempt"], again["retry_reason"]) == (1, "timeout")
        connection.send(json.dumps({"envelope_id": again["envelope_id"]}))
        slack.wait_for(lambda: [d for d in slack.deliveries if d.retry and d.ok])


def test_an_acknowledgement_counts_on_the_connection_of_its_envelope_alone(slack: Slack) -> None:
    with opened(slack) as one, opened(slack) as two:
        thread, said = says(slack)
        for connection, other in ((one, two), (two, one)):
            try:
                frame = json.loads(connection.recv(timeout=0.2))
            except TimeoutError:
                continue
            other.send(json.dumps({"envelope_id": frame["envelope_id"]}))
        thread.join()
    assert said[0].error == "operation_timeout"


def test_with_nobody_connected_the_person_is_told_at_once(slack: Slack) -> None:
    begun = time.monotonic()
    assert slack.command(ANA, "/migrate status").error == "dispatch_failed"
    assert time.monotonic() - begun < 1.5


def test_an_envelope_on_a_broken_connection_goes_to_another(slack: Slack) -> None:
    with opened(slack):
        thread, said = says(slack)
        slack.wait_for(lambda: slack.sockets.envelopes)
        with opened(slack) as second:
            slack.drop_sockets(1)
            frame = read(second)
            assert frame["retry_attempt"] == 1
            second.send(json.dumps({"envelope_id": frame["envelope_id"]}))
            thread.join()
    assert said[0].ok


def test_a_refresh_warns_then_ends(slack: Slack) -> None:
    with opened(slack) as connection:
        slack.refresh_sockets(warning=0.05)
        assert [read(connection)["reason"] for _ in range(2)] == ["warning", "refresh_requested"]
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=5)


def test_ten_connections_are_the_most(slack: Slack) -> None:
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(opened(slack))
        with connect(ticket(slack), proxy=None) as eleventh:
            assert read(eleventh)["reason"] == "too_many_websockets"


def test_with_socket_mode_off_there_is_no_app_token() -> None:
    with Slack() as slack, pytest.raises(SlackApiError, match="invalid_auth"):
        ticket(slack)

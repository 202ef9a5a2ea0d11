"""Slack's bad days come as ordered: to the named methods, as often or as long as told."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from rehearsal.slack import Slack

DEPLOYS = "C0DEPLOYS"


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as running:
        yield running


@pytest.fixture
def client(slack: Slack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


def test_a_lost_answer_leaves_the_message_standing(slack: Slack, client: WebClient) -> None:
    slack.troubles.lost_answer()
    with pytest.raises(ConnectionError):
        client.chat_postMessage(channel=DEPLOYS, text="once")
    client.chat_postMessage(channel=DEPLOYS, text="twice")
    assert [message.text for message in slack.messages()] == ["once", "twice"]


def test_too_many_requests_and_server_errors_come_as_often_as_told(slack: Slack, client: WebClient) -> None:
    slack.troubles.too_many(times=2, retry_after=7, methods=("chat.postMessage",))
    slack.troubles.failing(times=1, status=503, methods=("users.list",))
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            client.chat_postMessage(channel=DEPLOYS, text="x")
        assert refused.value.response.headers["Retry-After"] == "7"
    client.auth_test()
    client.chat_postMessage(channel=DEPLOYS, text="x")
    with pytest.raises(SlackApiError) as refused:
        client.users_list()
    assert refused.value.response.status_code == 503
    assert len(slack.messages()) == 1


def test_silence_hangs_and_does_nothing_until_it_is_over(slack: Slack, client: WebClient) -> None:
    slack.troubles.silent(0.4)
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        client.chat_postMessage(channel=DEPLOYS, text="x")
    assert time.monotonic() - started >= 0.35
    assert slack.messages() == []
    client.chat_postMessage(channel=DEPLOYS, text="x")


def test_slow_answers_come_late_until_cleared(slack: Slack, client: WebClient) -> None:
    slack.troubles.slow(0.3)
    started = time.monotonic()
    client.auth_test()
    assert time.monotonic() - started >= 0.3
    slack.troubles.clear()
    started = time.monotonic()
    client.auth_test()
    assert time.monotonic() - started < 0.3


def test_stopping_does_not_wait_for_a_silence_to_end() -> None:
    started = time.monotonic()
    with Slack() as slack, httpx.Client(timeout=0.1) as http:
        slack.troubles.silent(30)
        with pytest.raises(httpx.TimeoutException):
            http.get(f"{slack.api_url}auth.test")
    assert time.monotonic() - started < 5


def test_troubles_are_made_and_ended_over_http(slack: Slack, client: WebClient) -> None:
    url = f"{slack.url}/admin/troubles"
    assert httpx.post(url, json={"kind": "failing", "times": 5}).json()["troubles"][0]["times"] == 5
    with pytest.raises(SlackApiError):
        client.auth_test()
    httpx.delete(url)
    client.auth_test()
    assert httpx.post(url, json={"kind": "bored"}).status_code == 400
    assert httpx.post(url, data={"kind": "failing"}).status_code == 415

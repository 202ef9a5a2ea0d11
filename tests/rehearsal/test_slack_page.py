"""The page is served whole, shows each person what they may see, and acts for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient

from rehearsal.slack import Slack

DEPLOYS = "C0DEPLOYS"
ANA, BO = "U0ANA0001", "U0BO00001"


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(bot_url="http://127.0.0.1:9") as running:
        yield running


@pytest.fixture
def client(slack: Slack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url)


def seen_by(slack: Slack, user: str) -> dict[str, Any]:
    answer = httpx.get(f"{slack.url}/admin/state", params={"as": user})
    assert answer.status_code == 200
    seen: dict[str, Any] = answer.json()
    return seen


def channel_in(seen: dict[str, Any], identity: str = DEPLOYS) -> dict[str, Any]:
    return next(channel for channel in seen["channels"] if channel["id"] == identity)


def act(slack: Slack, user: str, deed: str, **given: Any) -> httpx.Response:
    return httpx.post(f"{slack.url}/admin/act", json={"as": user, "deed": deed, **given})


def test_the_page_and_all_that_it_names_are_served_from_here(slack: Slack) -> None:
    page = httpx.get(slack.page_url)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assets = set(re.findall(r'(?:src|href)="(page/[^"]+)"', page.text))
    script = httpx.get(f"{slack.url}/page/app.js").text
    assets |= {f"page/{name}" for name in re.findall(r'from "\./([^"]+)"', script)}
    assert {"page/style.css", "page/app.js", "page/dialogs.js"} <= assets
    for asset in assets:
        assert httpx.get(f"{slack.url}/{asset}").status_code == 200, asset
        assert "innerHTML" not in httpx.get(f"{slack.url}/{asset}").text
    assert httpx.get(f"{slack.url}/page/__init__.py").status_code == 404


def test_each_person_sees_their_own_ephemerals_and_badges(slack: Slack, client: WebClient) -> None:
    client.chat_postEphemeral(channel=DEPLOYS, user=ANA, text="only ana")
    ts = client.chat_postMessage(channel=DEPLOYS, text=f"<@{BO}> your turn")["ts"]
    assert channel_in(seen_by(slack, ANA))["messages"][0]["text"] == "only ana"
    bos = channel_in(seen_by(slack, BO))
    assert ([message["called"] for message in bos["messages"]], bos["badge"]) == ([True], 1)
    act(slack, BO, "read", channel=DEPLOYS, ts=ts)
    assert channel_in(seen_by(slack, BO))["badge"] == 0
    assert httpx.get(f"{slack.url}/admin/state", params={"as": "nobody"}).status_code == 404


def test_words_typed_are_messages_or_commands(slack: Slack) -> None:
    act(slack, ANA, "say", channel=DEPLOYS, text="hello")
    [message] = slack.messages()
    threaded = act(slack, ANA, "say", channel=DEPLOYS, text="/migrate promote", thread_ts=message.ts)
    assert (threaded.status_code, "not supported in threads" in threaded.json()["error"]) == (409, True)
    assert act(slack, ANA, "say", channel=DEPLOYS, text="/nothing").status_code == 409
    assert act(slack, ANA, "say", channel=DEPLOYS, text="/migrate promote").json()["error"] == "dispatch_failed"
    assert act(slack, "U0DEE0001", "say", channel=DEPLOYS, text="hello").status_code == 409


def test_nobody_reaches_into_somebody_elses_view_or_ephemeral(slack: Slack, client: WebClient) -> None:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    ts = client.chat_postEphemeral(channel=DEPLOYS, user=ANA, text="x", blocks=blocks)["message_ts"]
    press = {"channel": DEPLOYS, "ts": ts, "block_id": "b", "action_id": "a"}
    assert act(slack, BO, "use", **press).status_code == 409
    assert act(slack, ANA, "use", **press).json()["error"] == "dispatch_failed"


def test_uploaded_text_never_becomes_a_page(slack: Slack, client: WebClient) -> None:
    client.files_upload_v2(channel=DEPLOYS, filename="evil.html", content="<script>alert(1)</script>")
    [file] = slack.files()
    answer = httpx.get(f"{slack.url}/files/{file.id}")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_administrators_change_people_and_read_transcript_and_calls(slack: Slack, client: WebClient) -> None:
    client.chat_postMessage(channel=DEPLOYS, text="card")
    changed = httpx.post(f"{slack.url}/admin/people", json={"user": "bo", "remove_from": "@db-approvers"})
    assert changed.status_code == 200
    assert client.usergroups_users_list(usergroup="S0DBAPPR1")["users"] == ["U0CY00001"]
    assert "card" in httpx.get(f"{slack.url}/admin/transcript").text
    [call] = httpx.get(f"{slack.url}/admin/calls", params={"of": "chat.postMessage"}).json()["calls"]
    assert call["args"]["text"] == "card"


def test_changes_are_told_as_they_happen(slack: Slack, client: WebClient) -> None:
    with httpx.stream("GET", f"{slack.url}/admin/changes") as stream:
        lines = (line for line in stream.iter_lines() if line)
        first = next(lines)
        client.chat_postMessage(channel=DEPLOYS, text="card")
        assert next(lines) != first

"""What people do reaches the bot signed and whole, and the bot's answers do what Slack lets them do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from rehearsal.slack import BOT_USER_ID, NotPossible, Slack

DEPLOYS = "C0DEPLOYS"
Json = dict[str, Any]


class Bot:
    """A bot on loopback that checks signatures, keeps what it was sent and answers as a test tells it."""

    def __init__(self) -> None:
        self.got: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[Json], tuple[int, Any]] = lambda payload: (200, "")
        self.secret = ""
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, answer = bot.take(dict(self.headers.items()), body)
                kind = "text/plain" if isinstance(answer, str) else "application/json"
                sent = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # an impatient Slack hangs up
        self.url = f"http://127.0.0.1:{self.server.server_port}/slack/events"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if not SignatureVerifier(self.secret).is_valid_request(body, headers):
            return 401, "bad signature"
        if "json" in headers["content-type"]:
            payload = json.loads(body)
        else:
            payload = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            payload = json.loads(payload["payload"]) if "payload" in payload else payload
        self.got.append(payload)
        self.headers.append(headers)
        return self.answer(payload)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def bot() -> Iterator[Bot]:
    running = Bot()
    yield running
    running.close()


@pytest.fixture
def slack(bot: Bot) -> Iterator[Slack]:
    with Slack(bot_url=bot.url, retry_delays=(0.0, 0.05, 0.05), patience=0.5) as running:
        bot.secret = running.signing_secret
        yield running


@pytest.fixture
def client(slack: Slack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(words: str, action_id: str) -> Json:
    return {"type": "button", "text": plain(words), "action_id": action_id, "value": "P-31"}


CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "◻ Frontend tested"}, "accessory": button("Confirm", "c1")},
    {"type": "section", "text": {"type": "mrkdwn", "text": "◻ Edge cases"}, "accessory": button("Confirm", "c2")},
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            button("Approve", "approve"),
            {"type": "overflow", "action_id": "more", "options": [{"text": plain("Cancel"), "value": "cancel"}]},
        ],
    },
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "reject",
    "private_metadata": "P-31",
    "title": plain("Reject"),
    "submit": plain("Reject"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Why"),
            "element": {"type": "plain_text_input", "action_id": "reason"},
        },
        {
            "type": "input",
            "block_id": "next",
            "optional": True,
            "label": plain("Next"),
            "element": {
                "type": "static_select",
                "action_id": "step",
                "options": [{"text": plain("Ask again"), "value": "again"}],
            },
        },
    ],
}


def posted_card(slack: Slack, client: WebClient) -> Any:
    client.chat_postMessage(channel=DEPLOYS, text="card", blocks=CARD)
    return slack.messages()[-1]


def with_modal(slack: Slack, client: WebClient, bot: Bot, view: Json = MODAL) -> None:
    slack.command("ana", "/migrate reject")
    client.views_open(trigger_id=bot.got[-1]["trigger_id"], view=view)


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as error:
        call(**arguments)
    return str(error.value.response["error"])


def test_a_command_arrives_as_slack_sends_it(slack: Slack, bot: Bot) -> None:
    delivered = slack.command("ana", "/migrate promote #48 for @bo & <co>", channel="#incidents")
    assert (delivered.status, delivered.error) == (200, None)
    [got] = bot.got
    assert got["command"] == "/migrate"
    assert got["text"] == "promote #48 for <@U0BO00001> &amp; &lt;co&gt;"
    assert (got["user_id"], got["channel_name"]) == ("U0ANA0001", "incidents")


def test_a_command_the_app_does_not_have_is_not_delivered(slack: Slack, bot: Bot) -> None:
    with pytest.raises(NotPossible, match="not a valid command"):
        slack.command("ana", "/migrat promote")
    assert bot.got == []


def test_what_a_command_is_answered_is_seen_by_its_author_alone(slack: Slack, bot: Bot) -> None:
    bot.answer = lambda payload: (200, "On it.")
    slack.command("ana", "/migrate status")
    bot.answer = lambda payload: (200, {"text": "For all", "response_type": "in_channel"})
    slack.command("ana", "/migrate status")
    assert [slack.text_of(seen) for seen in slack.ephemerals("ana")] == ["On it."]
    assert [slack.text_of(seen) for seen in slack.messages()] == ["For all"]


@pytest.mark.parametrize(("status", "pause", "error"), [(500, 0, "dispatch_failed"), (200, 0.8, "operation_timeout")])
def test_a_failure_or_a_late_answer_is_shown_to_the_person(
    slack: Slack, bot: Bot, status: int, pause: float, error: str
) -> None:
    def answer(payload: Json) -> tuple[int, Any]:
        time.sleep(pause)
        return status, ""

    bot.answer = answer
    assert slack.command("ana", "/migrate promote").error == error
    [seen] = slack.ephemerals("ana")
    assert error in seen.text


def test_a_bot_that_is_down_is_a_failed_dispatch() -> None:
    with Slack(bot_url="http://127.0.0.1:9") as slack:
        assert slack.command("ana", "/migrate promote").error == "dispatch_failed"


def test_copies_are_the_same_request_several_times(slack: Slack, bot: Bot, client: WebClient) -> None:
    delivered = slack.command("ana", "/migrate promote", copies=5)
    assert [one.status for one in delivered.copies] == [200] * 5
    assert all(got == bot.got[0] for got in bot.got)
    card = posted_card(slack, client)
    slack.press("bo", card, "Approve", copies=2)
    assert bot.got[-1] == bot.got[-2]


def test_a_press_finds_buttons_by_their_words(slack: Slack, bot: Bot, client: WebClient) -> None:
    card = posted_card(slack, client)
    slack.press("bo", card, "Approve")
    got = bot.got[-1]
    assert (got["type"], got["actions"][0]["action_id"], got["actions"][0]["value"]) == (
        "block_actions",
        "approve",
        "P-31",
    )
    assert (got["user"]["id"], got["container"]["message_ts"]) == ("U0BO00001", card.ts)
    assert got["message"]["blocks"] == card.blocks
    slack.press("bo", card, "Cancel")
    assert bot.got[-1]["actions"][0]["selected_option"]["value"] == "cancel"
    slack.press("bo", card, "Confirm", near="Edge cases")
    assert bot.got[-1]["actions"][0]["action_id"] == "c2"
    with pytest.raises(NotPossible, match="2 buttons say"):
        slack.press("bo", card, "Confirm")
    with pytest.raises(NotPossible, match="Approve, Cancel"):
        slack.press("bo", card, "Launch")


def test_a_button_that_went_away_can_only_be_pressed_by_a_stale_eye(slack: Slack, bot: Bot, client: WebClient) -> None:
    card = posted_card(slack, client)
    client.chat_update(channel=DEPLOYS, ts=card.ts, text="Done", blocks=[])
    with pytest.raises(NotPossible):
        slack.press("bo", card, "Approve")
    assert slack.press("bo", card, "Approve", stale=True).ok


def test_a_trigger_works_once_and_for_three_seconds(bot: Bot) -> None:
    now = time.time()
    with Slack(bot_url=bot.url, clock=lambda: now) as slack:
        bot.secret = slack.signing_secret
        client = WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        with_modal(slack, client, bot)
        again = {"trigger_id": bot.got[-1]["trigger_id"], "view": MODAL}
        assert refused(client.views_open, **again) == "exchanged_trigger_id"
        assert refused(client.views_open, trigger_id="1.2.3", view=MODAL) == "invalid_trigger_id"
        slack.command("ana", "/migrate reject")
        now += 3.1
        late = {"trigger_id": bot.got[-1]["trigger_id"], "view": MODAL}
        assert refused(client.views_open, **late) == "expired_trigger_id"


def test_a_modal_is_filled_in_and_submitted(slack: Slack, bot: Bot, client: WebClient) -> None:
    with_modal(slack, client, bot)
    with pytest.raises(NotPossible, match="complete this required field"):
        slack.submit("ana")
    delivered = slack.submit("ana", values={"Why": "Too big", "Next": "Ask again"})
    assert delivered.ok
    got = bot.got[-1]
    assert (got["type"], got["view"]["callback_id"], got["view"]["private_metadata"]) == (
        "view_submission",
        "reject",
        "P-31",
    )
    assert got["view"]["state"]["values"]["why"]["reason"] == {"type": "plain_text_input", "value": "Too big"}
    assert got["view"]["state"]["values"]["next"]["step"]["selected_option"]["value"] == "again"
    assert slack.modal("ana") is None


def test_the_answer_to_a_submission_shows_errors_updates_pushes_and_clears(
    slack: Slack, bot: Bot, client: WebClient
) -> None:
    with_modal(slack, client, bot)
    bot.answer = lambda payload: (200, {"response_action": "errors", "errors": {"why": "Say more."}})
    slack.submit("ana", values={"Why": "no"})
    view = slack.modal("ana")
    assert view is not None
    assert "! Say more." in slack.text_of(view)
    bot.answer = lambda payload: (200, {"response_action": "push", "view": {**MODAL, "title": plain("Sure?")}})
    slack.submit("ana", values={"Why": "Too big"})
    view = slack.modal("ana")
    assert view is not None
    assert (view.title, view.previous is not None) == ("Sure?", True)
    bot.answer = lambda payload: (200, {"response_action": "update", "view": {**MODAL, "title": plain("Again")}})
    slack.submit("ana", values={"Why": "Too big"})
    view = slack.modal("ana")
    assert view is not None
    assert view.title == "Again"
    bot.answer = lambda payload: (200, {"response_action": "clear"})
    slack.submit("ana", values={"Why": "Too big"})
    assert slack.modal("ana") is None


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"response_action": "errors", "errors": {"no_such_block": "x"}}),
        (200, {"response_action": "update", "view": {**MODAL, "title": plain("x" * 25)}}),
        (200, {"text": "not an answer to a submission"}),
        (500, ""),
    ],
)
def test_a_bad_answer_keeps_the_modal_open(slack: Slack, bot: Bot, client: WebClient, answer: tuple[int, Any]) -> None:
    with_modal(slack, client, bot)
    bot.answer = lambda payload: answer
    assert slack.submit("ana", values={"Why": "Too big"}).error is not None
    view = slack.modal("ana")
    assert view is not None
    assert "trouble connecting" in slack.text_of(view)


def test_views_are_updated_by_hash_pushed_three_high_and_closed_with_a_word(
    slack: Slack, bot: Bot, client: WebClient
) -> None:
    with_modal(slack, client, bot, {**MODAL, "notify_on_close": True, "external_id": "reject-P-31"})
    view = slack.modal("ana")
    assert view is not None
    client.views_update(external_id="reject-P-31", view={**MODAL, "notify_on_close": True, "title": plain("New")})
    stale = {"view_id": view.id, "hash": view.hash, "view": MODAL}
    assert refused(client.views_update, **stale) == "hash_conflict"
    for _ in range(2):
        slack.command("ana", "/migrate reject")
        client.views_push(trigger_id=bot.got[-1]["trigger_id"], view=MODAL)
    slack.command("ana", "/migrate reject")
    fourth = {"trigger_id": bot.got[-1]["trigger_id"], "view": MODAL}
    assert refused(client.views_push, **fourth) == "push_limit_reached"
    slack.close("ana")
    slack.close("ana")
    slack.close("ana")
    assert bot.got[-1]["type"] == "view_closed"
    assert slack.modal("ana") is None


def test_an_invalid_view_is_refused_with_the_place(slack: Slack, bot: Bot, client: WebClient) -> None:
    slack.command("ana", "/migrate reject")
    with pytest.raises(SlackApiError) as error:
        client.views_open(trigger_id=bot.got[-1]["trigger_id"], view={**MODAL, "title": plain("x" * 25)})
    assert error.value.response["error"] == "invalid_arguments"
    assert "/view/title/text" in error.value.response["response_metadata"]["messages"][0]


def test_a_response_url_answers_five_times_replaces_and_deletes(slack: Slack, bot: Bot, client: WebClient) -> None:
    slack.command("ana", "/migrate status")
    url = bot.got[-1]["response_url"]
    answers = [httpx.post(url, json={"text": f"answer {n}"}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert [seen.text for seen in slack.ephemerals("ana")] == [f"answer {n}" for n in range(5)]
    client.chat_postEphemeral(channel=DEPLOYS, user="U0BO00001", text="Sure?", blocks=CARD)
    slack.press("bo", slack.ephemerals("bo")[-1], "Approve")
    url = bot.got[-1]["response_url"]
    httpx.post(url, json={"text": "Approved", "replace_original": True, "blocks": []})
    assert [slack.text_of(seen) for seen in slack.ephemerals("bo")] == ["Approved"]
    httpx.post(url, json={"delete_original": True})
    assert slack.ephemerals("bo") == []
    bad = httpx.post(url, json={"blocks": [{"type": "newsflash"}]})
    assert (bad.status_code, bad.json()["error"]) == (400, "invalid_blocks")


def test_a_response_url_dies_after_half_an_hour(bot: Bot) -> None:
    now = time.time()
    with Slack(bot_url=bot.url, clock=lambda: now) as slack:
        bot.secret = slack.signing_secret
        slack.command("ana", "/migrate status")
        now += 1801
        assert httpx.post(bot.got[-1]["response_url"], json={"text": "late"}).json()["error"] == "expired_url"


def test_a_mention_arrives_as_message_and_as_mention_in_its_thread(slack: Slack, bot: Bot, client: WebClient) -> None:
    card = posted_card(slack, client)
    slack.mention("ana", "#deploys", "status", thread_ts=card.ts)
    events = [got["event"] for got in bot.got]
    assert [event["type"] for event in events] == ["message", "app_mention"]
    assert all(event["text"] == f"<@{BOT_USER_ID}> status" for event in events)
    assert all(event["thread_ts"] == card.ts for event in events)
    assert bot.got[0]["event_id"] != bot.got[1]["event_id"]
    slack.say("ana", "#general", "the bot is not here")
    assert len(bot.got) == 2
    slack.say("ana", "@stagedoor", "hello")
    assert bot.got[-1]["event"]["channel_type"] == "im"


def test_an_event_that_is_not_taken_comes_again_three_times(slack: Slack, bot: Bot) -> None:
    bot.answer = lambda payload: (500, "")
    slack.open_home("ana")
    slack.wait_for(lambda: len(slack.deliveries) == 4)
    assert len({got["event_id"] for got in bot.got}) == 1
    lower = [{name.lower(): value for name, value in headers.items()} for headers in bot.headers]
    assert [headers.get("x-slack-retry-num") for headers in lower] == [None, "1", "2", "3"]
    assert lower[1]["x-slack-retry-reason"] == "http_error"


def test_shortcuts_reactions_and_home(slack: Slack, bot: Bot, client: WebClient) -> None:
    card = posted_card(slack, client)
    slack.shortcut("erin", "timeline_add", card)
    assert (bot.got[-1]["type"], bot.got[-1]["message_ts"]) == ("message_action", card.ts)
    slack.shortcut("erin", "declare")
    assert bot.got[-1]["type"] == "shortcut"
    slack.react("erin", card, "eyes")
    assert bot.got[-1]["event"]["item"] == {"type": "message", "channel": DEPLOYS, "ts": card.ts}
    client.views_publish(user_id="U0ANA0001", view={"type": "home", "blocks": [CARD[2]]})
    slack.open_home("ana")
    assert bot.got[-1]["event"]["view"]["type"] == "home"
    home = slack.home("ana")
    assert home is not None
    slack.press("ana", home, "Approve")
    assert bot.got[-1]["container"] == {"type": "view", "view_id": home.id}


def test_waiting_ends_with_the_change_or_with_the_transcript(slack: Slack, client: WebClient) -> None:
    def soon() -> None:
        time.sleep(0.1)
        client.chat_postMessage(channel=DEPLOYS, text="there")

    thread = threading.Thread(target=soon)
    thread.start()
    assert slack.wait_for(slack.messages)[0].text == "there"
    thread.join()
    with pytest.raises(TimeoutError, match="there"):
        slack.wait_for(lambda: None, timeout=0.05)

"""A listener stores and acknowledges: keys, checks of fields, and an honest answer when nothing was stored."""

from __future__ import annotations

import json
import sqlite3
from urllib.parse import urlencode

import pytest
from slack_bolt import BoltRequest
from slack_sdk import WebClient

from bot.adapters.sqlite_journal import SqliteJournal
from bot.metrics import Metrics
from bot.scrub import Scrubber
from handlers.conversation import Reply, Subject, together
from handlers.door import deliveries
from handlers.door.listeners import build_app
from tests.handlers.slack_side import JSON, ME, TestClock, open_door, pressed, submitted


def needs_reason(ask) -> dict[str, str]:
    return {} if str(ask.fields["reason"]).strip() else {"why": "Say why, so that others can learn from it."}


def faulty(ask) -> dict[str, str]:
    raise KeyError("reason")


def nothing(ask) -> Reply:
    return Reply()


SUBJECT = Subject(
    commands={"/migrate": nothing}, actions={"promotion.approve": nothing, "people.pick": nothing},
    views={"reject": nothing}, shortcuts={"timeline_add": nothing}, checks={"reject": needs_reason, "odd": faulty},
    events={"app_home_opened": nothing},
)


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def journal(tmp_path, clock):
    journal = SqliteJournal(tmp_path / "journal.db", clock, Scrubber())
    yield journal
    journal.close()


@pytest.fixture
def nudges():
    return []


@pytest.fixture
def slack(journal, clock, nudges):
    with open_door(journal, [SUBJECT], clock, nudge=lambda: nudges.append(1)) as slack:
        yield slack


def stored(journal, clock) -> list[tuple[str, str]]:
    return [(row.kind, row.key) for row in journal.pending(clock.now())]


def test_a_delivery_that_comes_three_times_is_stored_once(slack, journal, clock, nudges) -> None:
    mention = {"type": "app_mention", "user": "U0ANA", "text": "<@U0BOT> migrate status", "channel": "C1", "ts": "1.2"}
    for _ in range(3):
        assert slack.command("/migrate", trigger_id="12.34.ab").text == ""
        assert slack.interact(pressed("promotion.approve", "P-1", "U0ANA", "1700.5")).text == ""
        assert slack.interact(submitted("reject", {"why": {"reason": {"value": "no"}}}, "U0ANA", "7")).text == ""
        assert slack.interact({"type": "shortcut", "callback_id": "timeline_add", "user": {"id": "U0ANA"},
                               "trigger_id": "5.6", "action_ts": "1"}).text == ""
        assert slack.event(mention, event_id="Ev1").status_code == 200
    assert stored(journal, clock) == [
        ("command", "command:12.34.ab"), ("action", "action:1700.5:U0ANA:promotion.approve"), ("view", "view:V7:1.abc"),
        ("shortcut", "shortcut:5.6"), ("event", "event:Ev1"),
    ]
    assert len(nudges) == 5


def test_two_people_who_press_at_the_same_moment_are_two(slack, journal, clock) -> None:
    for user in ("U0ANA", "U0BO"):
        slack.interact(pressed("promotion.approve", "P-1", user, "1700.5"))
    assert len(stored(journal, clock)) == 2


def test_a_view_without_hash_is_known_by_what_it_holds(slack, journal, clock) -> None:
    for reason in ("a", "a", "b"):
        slack.submit("reject", {"why": {"reason": {"value": reason}}}, view={"id": "V1", "hash": None})
    assert len(stored(journal, clock)) == 2


def test_faulty_fields_are_answered_in_the_acknowledgement_and_not_stored(slack, journal, clock) -> None:
    answer = slack.submit("reject", {"why": {"reason": {"type": "plain_text_input", "value": None}}})
    errors = {"why": "Say why, so that others can learn from it."}
    assert answer.json() == {"response_action": "errors", "errors": errors}
    assert stored(journal, clock) == []
    # The same view, filled in: Slack gives a new hash only to a view that was changed by us.
    assert slack.submit("reject", {"why": {"reason": {"value": "Too risky today."}}}).text == ""
    assert len(stored(journal, clock)) == 1


def test_a_check_that_breaks_costs_nothing_of_what_was_typed(slack, journal, clock) -> None:
    assert slack.submit("odd", {}).status_code == 200
    assert len(stored(journal, clock)) == 1


def test_the_verification_token_is_not_kept(slack, journal, clock) -> None:
    slack.command("/migrate")
    assert "token" not in journal.pending(clock.now())[0].payload


def test_what_nobody_waits_for_is_acknowledged_and_not_stored(slack, journal, clock) -> None:
    link = pressed("pr.link", "", "U0ANA", "1.1")
    link["actions"][0]["url"] = "https://example.com"
    chosen = pressed("field.in.a.modal", "", "U0ANA", "1.2")
    chosen["actions"][0]["type"] = "static_select"
    for answer in (
        slack.interact(link), slack.interact(chosen),
        slack.event({"type": "message", "user": "U1", "text": "hello"}),
        slack.event({"type": "app_mention", "text": "<@U0BOT> hi", "bot_id": "B1", "user": "U9"}),
        slack.event({"type": "app_mention", "text": "<@U0BOT> promote", "user": "U1", "edited": {"ts": "1"}}),
        slack.event({"type": "app_home_opened", "user": "U0BOT"}),  # ourselves
        slack.interact({"type": "view_closed", "user": {"id": "U1"},
                        "view": {"id": "V1", "type": "modal", "callback_id": "x"}}),
    ):
        assert (answer.status_code, answer.text) == (200, "")
    assert stored(journal, clock) == []


def test_unknown_commands_and_buttons_are_stored_too_and_answered_later(slack, journal, clock) -> None:
    assert slack.command("/migrat").text == ""
    assert slack.press("promotion.aprove", "P-1").text == ""
    assert [kind for kind, _ in stored(journal, clock)] == ["command", "action"]


class Full:
    def receive(self, delivery) -> bool:
        raise sqlite3.OperationalError("database or disk is full: /var/secret/path")


def test_when_the_store_takes_nothing_the_person_hears_of_it_and_events_come_again(clock) -> None:
    with open_door(Full(), [SUBJECT], clock) as slack:
        told = slack.command("/migrate")
        assert told.status_code == 200
        assert told.json()["text"].startswith("That did not work: ")
        assert "Nothing was changed" in told.json()["text"]
        assert "secret" not in told.text
        assert "Traceback" not in told.text
        held = slack.submit("reject", {"why": {"reason": {"value": "no"}}})
        assert held.json()["response_action"] == "errors"
        assert held.json()["errors"]["why"].startswith("That did not work: ")
        assert slack.submit("reject", {"why": {"reason": {"value": "no"}}}, view={"blocks": []}).status_code == 503
        assert slack.press("promotion.approve", "P-1").status_code == 503
        assert slack.event({"type": "app_home_opened", "user": "U1"}).status_code == 503


def test_socket_mode_goes_through_the_same_listeners(journal, clock) -> None:
    client = WebClient(token="x", base_url="http://127.0.0.1:9/")
    app = build_app(ME, journal, [SUBJECT], clock, lambda: None, client, Metrics())
    body = {"command": "/migrate", "user_id": "U1", "trigger_id": "9.9", "team_id": "T0HOME"}
    for envelope in ("a", "b"):  # delivered again, Slack gives a new envelope
        assert app.dispatch(BoltRequest(body=body, mode="socket_mode", context={"envelope": envelope})).status == 200
    assert stored(journal, clock) == [("command", "command:9.9")]


def ask_of(body: dict):
    return deliveries.ask(deliveries.delivery(body, TestClock().now()))


def test_what_a_command_says() -> None:
    ask = ask_of({"command": "/migrate", "user_id": "U1", "team_id": "T", "channel_id": "C", "trigger_id": "1",
                  "text": " note 3 &lt; 5 &amp;amp; 7 ", "response_url": "https://r"})
    assert (ask.kind, ask.name, ask.user, ask.team, ask.channel) == ("command", "/migrate", "U1", "T", "C")
    assert (ask.text, ask.trigger, ask.response_url) == ("note 3 < 5 &amp; 7", "1", "https://r")


@pytest.mark.parametrize(("text", "meant"), [
    ("<@U0BOT> migrate status", "migrate status"), ("hey <@U0BO>, <@U0BOT|stagedoor> x &gt; y", "x > y"),
    ("<@U0BOT>", ""), ("no mention at all", "no mention at all"),
])
def test_what_follows_a_mention(text: str, meant: str) -> None:
    event = {"type": "app_mention", "user": "U1", "text": text, "channel": "C", "ts": "2", "thread_ts": "1"}
    ask = ask_of({"type": "event_callback", "event_id": "E1", "team_id": "T", "event": event,
                  "authorizations": [{"user_id": "U0BOT"}]})
    assert (ask.text, ask.thread, ask.message, ask.user, ask.channel) == (meant, "1", "2", "U1", "C")


def test_what_a_button_says() -> None:
    ask = ask_of(pressed("promotion.approve", "P-1", "U1", "5"))
    assert (ask.name, ask.value, ask.user, ask.channel) == ("promotion.approve", "P-1", "U1", "C0DEPLOYS")
    assert (ask.message, ask.thread, ask.trigger) == ("1700.1", "1700.0", "5")


@pytest.mark.parametrize(("element", "value"), [
    ({"type": "overflow", "selected_option": {"text": {}, "value": "INC-7:severity"}}, "INC-7:severity"),
    ({"type": "users_select", "selected_user": "U9"}, "U9"),
    ({"type": "multi_users_select", "selected_users": ["U8", "U9"]}, ("U8", "U9")),
    ({"type": "checkboxes", "selected_options": [{"value": "a"}, {"value": "b"}]}, ("a", "b")),
    ({"type": "checkboxes", "selected_options": []}, ()),
    ({"type": "static_select", "selected_option": None}, ""),
    ({"type": "datepicker", "selected_date": "2026-11-23"}, "2026-11-23"),
    ({"type": "datetimepicker", "selected_date_time": 1700000000}, "1700000000"),
    ({"type": "plain_text_input", "value": None}, ""), ({"type": "plain_text_input", "value": "5 < 6"}, "5 < 6"),
])
def test_what_was_typed_or_chosen_in_a_modal(element: dict, value: object) -> None:
    ask = ask_of(submitted("reject", {"block": {"field": element}}, "U1", "5"))
    assert ask.fields == {"field": value}
    assert (ask.name, ask.metadata, ask.kind) == ("reject", "meta", "view")


def test_an_organisation_that_installed_us_leaves_the_team_out() -> None:
    assert ask_of(pressed("promotion.approve", "P-1", "U1", "5") | {"team": None}).team == "T0HOME"


def test_two_subjects_that_answer_to_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="/migrate"):
        together([SUBJECT, Subject(commands={"/migrate": nothing})])


def test_a_key_is_never_long(slack, journal, clock) -> None:
    slack.post(urlencode({"command": "/migrate", "user_id": "U1", "trigger_id": "x" * 5000}))
    event = {"type": "event_callback", "event_id": "E" * 5000, "event": {"type": "app_home_opened"}}
    slack.post(json.dumps(event), JSON)
    assert all(len(key) < 100 for _, key in stored(journal, clock))
    assert len(stored(journal, clock)) == 2

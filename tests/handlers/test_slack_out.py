"""Calls to Slack: each way in which one can end has its outcome, nothing is repeated, no secret leaks."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.slack.outcomes import Absent, Doubt, Gone, Later, Sent
from handlers.slack.pacing import Pacer
from handlers.slack.slack_out import SlackOut
from rehearsal.slack import Slack
from templates.blocks import notice
from tests.handlers.stage import TOKEN, Clock, client

HERE = "C0DEPLOYS"
BODY = notice("Hello").to_json()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[Slack]:
    with Slack(clock=clock.seconds) as running:
        yield running


@pytest.fixture
def out(slack: Slack, clock: Clock) -> SlackOut:
    return SlackOut(client(slack.api_url), clock, timeout=1)


def test_a_message_is_posted_and_found_again_by_its_key(slack: Slack, out: SlackOut, clock: Clock) -> None:
    sent = out.post(HERE, BODY, key="P-1:card")
    assert isinstance(sent, Sent)
    [message] = slack.messages()
    assert (message.ts, message.text) == (sent.ts, "Hello")
    assert out.find(HERE, "P-1:card", since=clock.now()) == sent
    assert out.find(HERE, "P-2:card", since=clock.now()) == Absent()


def test_a_reply_is_found_in_its_thread_behind_many_others(slack: Slack, out: SlackOut, clock: Clock) -> None:
    began = clock.now()
    card = out.post(HERE, BODY, key="card")
    assert isinstance(card, Sent)
    reply = out.post(HERE, BODY, key="first", thread=card.ts)
    for number in range(450):
        slack.say("ana", "#deploys", f"talk {number}", card.ts)
    clock.forward(seconds=5)
    assert out.find(HERE, "first", since=began, thread=card.ts) == reply
    last = out.post(HERE, BODY, key="last", thread=card.ts)
    assert isinstance(last, Sent)
    assert out.find(HERE, "last", since=began, thread=card.ts) == last
    assert out.find(HERE, "none", since=began, thread=card.ts) == Absent()
    assert sum(call.method == "conversations.replies" for call in slack.calls) >= 6


def test_a_lost_answer_leaves_a_doubt_and_is_not_repeated(slack: Slack, out: SlackOut) -> None:
    slack.troubles.lost_answer()
    assert isinstance(out.post(HERE, BODY, key="k"), Doubt)
    assert len(slack.messages()) == 1


def test_a_silence_ends_in_doubt_after_the_timeout(slack: Slack, out: SlackOut) -> None:
    slack.troubles.silent(20)
    began = time.monotonic()
    assert isinstance(out.post(HERE, BODY, key="k"), Doubt)
    assert time.monotonic() - began < 5
    began = time.monotonic()
    assert isinstance(out.post(HERE, BODY, key="k"), Later)     # left alone, without another call
    assert time.monotonic() - began < 0.1


def test_a_slack_that_cannot_be_reached_stored_nothing(clock: Clock) -> None:
    out = SlackOut(client("http://127.0.0.1:9/api/"), clock, timeout=1)
    pauses = []
    for _ in range(8):
        outcome = out.post(HERE, BODY, key="k")
        assert isinstance(outcome, Later)
        pauses.append((outcome.until - clock.now()).total_seconds())
        clock.until(outcome.until)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_too_many_requests_hold_that_method_alone(slack: Slack, out: SlackOut, clock: Clock) -> None:
    sent = out.post(HERE, BODY, key="k")
    assert isinstance(sent, Sent)
    slack.troubles.too_many(retry_after=40, methods=("chat.postMessage",))
    until = clock.now() + timedelta(seconds=40)
    assert out.post(HERE, BODY, key="k2") == Later(until, "429")
    assert out.ready(HERE) == until
    assert out.post("C0INCIDEN", BODY, key="k2") == Later(until, "pacing")
    assert isinstance(out.update(HERE, sent.ts, BODY, key="k"), Sent)
    clock.until(until)
    assert isinstance(out.post(HERE, BODY, key="k2"), Sent)


def test_a_server_error_leaves_a_doubt_about_a_post_and_none_about_an_edit(
    slack: Slack, out: SlackOut, clock: Clock,
) -> None:
    slack.troubles.failing(status=502)
    assert isinstance(out.post(HERE, BODY, key="k"), Doubt)
    clock.forward(seconds=2)
    sent = out.post(HERE, BODY, key="k")
    assert isinstance(sent, Sent)
    slack.troubles.failing(status=502)
    assert isinstance(out.update(HERE, sent.ts, BODY, key="k"), Later)


def test_a_no_is_a_no(slack: Slack, out: SlackOut, clock: Clock) -> None:
    assert out.post("C0NOWHERE", BODY, key="k") == Gone("channel_not_found")
    assert out.update(HERE, "1.000001", BODY, key="k") == Gone("message_not_found")
    assert out.post(HERE, {"text": "x", "blocks": [{"type": "nonsense"}]}, key="k") == Gone("invalid_blocks")
    slack.archive("#deploys")
    assert out.post(HERE, BODY, key="k") == Gone("is_archived")
    wrong = SlackOut(client(slack.api_url, "xoxb-another"), clock)
    assert wrong.post(HERE, BODY, key="k") == Gone("invalid_auth")


def test_names_of_channels_become_ids(slack: Slack, out: SlackOut, clock: Clock) -> None:
    assert out.channel("#deploys") == HERE
    assert out.channel(HERE) == HERE
    assert out.channel("#nowhere") == Gone("channel_not_found")
    assert out.channel("#nowhere") == Gone("channel_not_found")
    assert sum(call.method == "conversations.list" for call in slack.calls) == 1
    made = slack.add_channel("nowhere")
    clock.forward(seconds=31)
    assert out.channel("#nowhere") == made.id


def test_a_file_is_uploaded_first_and_shown_then(slack: Slack, out: SlackOut, clock: Clock) -> None:
    card = out.post(HERE, BODY, key="card")
    assert isinstance(card, Sent)
    upload = out.upload("plan.sql", b"select 1;")
    assert isinstance(upload, str)
    assert slack.files() == []
    assert out.find_file(upload, HERE, card.ts, since=clock.now()) == Absent()
    assert out.share(upload, "The plan", HERE, card.ts) == Sent(upload)
    assert out.find_file(upload, HERE, card.ts, since=clock.now()) == Sent(upload)
    assert out.share(upload, "The plan", HERE, card.ts) == Gone("file_not_found")
    assert [file.text for file in slack.files()] == ["select 1;"]


def test_a_picture_arrives_as_it_is_with_its_words(slack: Slack, out: SlackOut) -> None:
    card, png = out.post(HERE, BODY, key="card"), b"\x89PNG\r\n\x1a\n\xff\x00\xfe"
    assert isinstance(card, Sent)
    upload = out.upload("A-1.png", png, alt="9 events")
    assert isinstance(upload, str)
    assert out.share(upload, "A-1", HERE, card.ts) == Sent(upload)
    assert [(file.content, file.alt_txt) for file in slack.files()] == [(png, "9 events")]


def test_neither_logs_nor_outcomes_hold_the_token(
    slack: Slack, out: SlackOut, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = [out.post("C0NOWHERE", BODY, key="k")]
    for trouble in (slack.troubles.failing, slack.troubles.too_many, slack.troubles.lost_answer):
        trouble()
        seen.append(out.post("C0INCIDEN", BODY, key="k"))
    words = caplog.text + repr(seen) + "".join(capsys.readouterr())
    assert TOKEN not in words


# Pacing


@settings(deadline=None)
@given(st.lists(st.floats(0, 3), min_size=1, max_size=80))
def test_a_channel_never_gets_more_than_a_message_a_second_and_a_burst(steps: list[float]) -> None:
    clock, sent = Clock(), []
    pacer = Pacer(clock)
    for step in steps:
        clock.forward(seconds=step)
        if pacer.message("C1") is None:
            sent.append(clock.now())
    for first, moment in enumerate(sent):
        later = [one for one in sent[first:] if one - moment <= timedelta(seconds=10)]
        assert len(later) <= 5 + 10 + 1


def test_pacing_says_when_and_keeps_its_word(clock: Clock) -> None:
    pacer = Pacer(clock)
    assert [pacer.message("C1") for _ in range(5)] == [None] * 5
    for _ in range(20):
        until = pacer.message("C1")
        assert until is not None
        assert until - clock.now() <= timedelta(seconds=1.001)
        clock.until(until)
        assert pacer.message("C1") is None
    assert pacer.message("C2") is None


def test_part_of_the_edits_is_kept_for_changes_of_state(clock: Clock) -> None:
    pacer = Pacer(clock)
    assert sum(pacer.update(urgent=False) is None for _ in range(20)) == 5
    assert sum(pacer.update(urgent=True) is None for _ in range(20)) == 5
    edits = 0
    for _ in range(600):
        clock.forward(milliseconds=100)
        edits += pacer.update(urgent=True) is None
    assert 45 <= edits <= 52

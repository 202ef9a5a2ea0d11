"""Private answers: they reach the one person they are for, whatever the address of the answer does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Json
from bot.ports import Put
from bot.scrub import Scrubber
from handlers.desk.answers import Answers
from handlers.slack.slack_out import SlackOut
from rehearsal.slack import Slack
from rehearsal.slack.things import Answer
from templates.blocks import notice
from tests.handlers.stage import Clock, client

ANA = "U0ANA0001"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[Slack]:
    with Slack(clock=clock.seconds) as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[SqliteJournal]:
    made = SqliteJournal(tmp_path / "answers.db", clock, Scrubber())
    yield made
    made.close()


@pytest.fixture
def answers(journal: SqliteJournal, slack: Slack, clock: Clock) -> Iterator[Answers]:
    made = make(journal, slack, clock)
    yield made
    made.close()


def make(journal: SqliteJournal, slack: Slack, clock: Clock, api_url: str = "") -> Answers:
    out = SlackOut(client(slack.api_url), clock, timeout=1)
    return Answers(journal, out, clock, api_url or slack.api_url, timeout=1, patience=5)


def address(slack: Slack) -> str:
    """A response_url as Slack gives one with a click."""
    given = Answer(user=ANA, channel="C0DEPLOYS", at=slack.workspace.clock())
    return slack._response_url(given)


def lay(journal: SqliteJournal, clock: Clock, key: str = "a", **given: Json) -> None:
    doc: dict[str, Json] = {
        "response_url": "", "user": ANA, "channel": "C0DEPLOYS", "thread": "", "at": clock.now().isoformat(),
        "message": notice(f"Answer {key}").to_json(), **given,
    }
    journal.put([Put(shelf="answers", key=key, doc=doc)])


def heard(slack: Slack) -> list[str]:
    return [message.text for message in slack.ephemerals("ana")]


def wait_out(answers: Answers, clock: Clock, rounds: int = 100) -> None:
    for _ in range(rounds):
        if (again := answers.send()) is None:
            return
        clock.until(again)
    raise AssertionError("the answers never came to an end")


def test_an_answer_goes_where_the_click_came_from(
    answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock,
) -> None:
    lay(journal, clock, response_url=address(slack))
    assert answers.send() is None
    assert heard(slack) == ["Answer a"]
    assert journal.all("answers") == {}
    assert [call.method for call in slack.calls] == ["response_url"]


def test_without_an_address_it_is_whispered_in_the_channel(
    answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock,
) -> None:
    lay(journal, clock)
    assert answers.send() is None
    assert heard(slack) == ["Answer a"]


def test_an_old_or_used_up_address_is_passed_by(
    answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock,
) -> None:
    used, old = address(slack), address(slack)
    slack.workspace.answers[used.rsplit("/", 1)[1]].used = 5
    lay(journal, clock, "used", response_url=used)
    lay(journal, clock, "old", response_url=old, at=(clock.now() - timedelta(minutes=31)).isoformat())
    lay(journal, clock, "none", response_url=slack.url + "/response/nothing")
    assert answers.send() is None
    assert sorted(heard(slack)) == ["Answer none", "Answer old", "Answer used"]


def test_failures_are_waited_out(answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock) -> None:
    slack.troubles.failing(times=2, methods=("response_url",))
    slack.troubles.too_many(times=1, retry_after=9, methods=("response_url",))
    lay(journal, clock, response_url=address(slack))
    wait_out(answers, clock)
    assert heard(slack) == ["Answer a"]


def test_it_is_given_up_after_a_while(answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock) -> None:
    slack.troubles.failing(times=None)
    lay(journal, clock, response_url=address(slack))
    began = clock.now()
    wait_out(answers, clock)
    assert timedelta(minutes=35) < clock.now() - began < timedelta(minutes=40)
    assert heard(slack) == []


def test_a_person_who_is_not_there_gets_nothing_and_nothing_is_repeated(
    answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock,
) -> None:
    lay(journal, clock, "nobody", user="U0NOBODY1")
    lay(journal, clock, "nowhere", channel="")
    assert answers.send() is None
    assert heard(slack) == []


def test_a_foreign_address_is_never_called(
    journal: SqliteJournal, slack: Slack, clock: Clock, answers: Answers,
) -> None:
    with Slack() as other:
        for number, wrong in enumerate((
            other.url + "/response/x", slack.url.replace("http://", "http://user:pw@") + "/response/x", "ftp://x", "://",
            "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "https://hooks.slack.com:8443/x",
            "http://169.254.169.254/latest", "file:///etc/passwd",
        )):
            assert not answers._allowed(wrong), wrong
            lay(journal, clock, str(number), response_url=wrong)
        assert answers.send() is None
        assert other.calls == []
    assert len(heard(slack)) == 9
    assert answers._allowed("https://hooks.slack.com/commands/T1/2/abc")


def test_in_production_only_slacks_own_host_is_called(journal: SqliteJournal, slack: Slack, clock: Clock) -> None:
    real = make(journal, slack, clock, "https://slack.com/api/")
    assert real._allowed("https://hooks.slack.com/actions/T1/2/abc")
    assert not real._allowed("https://slack.com/api/chat.postMessage")
    assert not real._allowed(address(slack))
    real.close()


def test_a_slow_answer_holds_up_no_other(journal: SqliteJournal, slack: Slack, clock: Clock) -> None:
    out = SlackOut(client(slack.api_url), clock, timeout=1)
    answers = Answers(journal, out, clock, slack.api_url, timeout=5, patience=0.2)
    slack.troubles.slow(1.5, times=1, methods=("response_url",))
    lay(journal, clock, "a", response_url=address(slack))
    answers.send()
    for name in "bcdef":
        lay(journal, clock, name, response_url=address(slack))
    began = time.monotonic()
    assert answers.send() is not None
    assert time.monotonic() - began < 1
    assert {"Answer b", "Answer c", "Answer d", "Answer e", "Answer f"} <= set(heard(slack))
    answers.close()
    assert journal.all("answers") == {}
    assert len(heard(slack)) == 6


def test_after_a_crash_in_the_middle_it_is_sent_again(
    answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock,
) -> None:
    lay(journal, clock, response_url=address(slack), sending=clock.now().isoformat(), tries=1)
    wait_out(answers, clock)
    assert heard(slack) == ["Answer a"]


def test_blocks_that_slack_does_not_take_become_words(
    answers: Answers, journal: SqliteJournal, slack: Slack, clock: Clock,
) -> None:
    lay(journal, clock, response_url=address(slack), message={"text": "Words", "blocks": [{"type": "nonsense"}]})
    wait_out(answers, clock)
    assert heard(slack) == ["Words"]

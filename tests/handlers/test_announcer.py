"""The announcer: whatever happens on the way, Slack ends up showing what the journal says, once and in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entry import Fact
from bot.domain.record import Status
from handlers.announcing.announcer import Announcer
from handlers.announcing.showing import untold
from handlers.slack.slack_out import SlackOut
from rehearsal.slack import Slack
from tests.handlers.stage import Clock, Stage, client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[Slack]:
    with Slack(clock=clock.seconds) as running:
        yield running


@pytest.fixture
def stage(tmp_path: Path, slack: Slack, clock: Clock) -> Iterator[Stage]:
    made = Stage(tmp_path, slack, clock)
    yield made
    made.journal.close()


def calls(stage: Stage, method: str) -> int:
    return sum(call.method == method for call in stage.slack.calls)


def test_a_record_gets_a_card_and_its_entries_a_thread(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    stage.tell("P-1", "checked")
    stage.show()
    stage.tell("P-1", "quiet", "approved")
    stage.show()
    assert stage.card().text == "P-1 gates 0"
    assert stage.thread() == ["requested", "checked", "approved"]
    assert stage.settled()


def test_nothing_new_means_nothing_is_sent(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    before = len(stage.slack.calls)
    for _ in range(5):
        stage.clock.forward(minutes=1)
        assert stage.announcer.announce() is None
    assert len(stage.slack.calls) == before


def test_a_card_is_edited_in_place_and_an_ended_record_gets_its_last_look(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    for name in ("approval", "window", "backup"):
        stage.move("P-1", name)
    stage.show()
    assert [version.text for version in stage.slack.edits(stage.card())] == ["P-1 gates 0", "P-1 backup 0"]
    stage.move("P-1", "done", Status.ENDED)
    stage.show()
    assert stage.card().text == "P-1 done 0"
    assert stage.thread() == ["requested", "at approval", "at window", "at backup", "at done"]
    assert stage.settled()
    stage.drawing.count = 7
    stage.restart()
    stage.show()
    assert stage.card().text == "P-1 done 0"     # the words of a later release leave it alone


def test_the_last_look_is_not_forgotten_when_the_program_ends_in_between(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    stage.move("P-1", "done", Status.ENDED)
    stage.slack.troubles.failing(times=None, methods=("chat.update",))
    stage.announcer.announce()
    found = stage.journal.load("P-1")
    assert found is not None
    stage.journal.announced("P-1", found.touched)
    stage.slack.troubles.clear()
    stage.clock.forward(minutes=2)
    stage.restart()
    stage.show()
    assert stage.card().text == "P-1 done 0"


def test_counters_wait_and_become_one_edit(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    for _ in range(20):
        stage.drawing.count += 1
        stage.announcer.announce()
        stage.clock.forward(milliseconds=200)
    stage.show()
    assert stage.card().text == "P-1 gates 20"
    assert calls(stage, "chat.update") == 2


def test_counters_of_what_is_shown_so_move_a_card_at_most_every_twenty_seconds(stage: Stage) -> None:
    stage.drawing.every = timedelta(seconds=20)
    stage.open("P-1")
    stage.show()
    for _ in range(600):
        stage.drawing.count += 1
        stage.announcer.announce()
        stage.clock.forward(milliseconds=100)
    assert calls(stage, "chat.update") == 3
    stage.move("P-1", "apply")
    stage.announcer.announce()
    assert stage.card().text == "P-1 apply 600"      # a change of state does not wait


def test_states_go_before_counters_when_edits_are_scarce(stage: Stage) -> None:
    names = [f"P-{number}" for number in range(1, 13)]
    for name in names:
        stage.open(name)
    stage.show()
    stage.clock.forward(minutes=5)
    stage.drawing.count = 1
    stage.announcer.announce()
    assert calls(stage, "chat.update") == 5      # the other half of the budget is kept for changes of state
    stage.move("P-12", "apply")
    stage.announcer.announce()
    assert stage.card("P-12").text == "P-12 apply 1"
    stage.show()
    assert all(stage.card(name).text.endswith(" 1") for name in names)


def test_a_burst_becomes_few_messages_in_order(stage: Stage) -> None:
    stage.open("P-1")
    stage.tell("P-1", *(f"step {number}" for number in range(200)))
    began = stage.clock.now()
    stage.show()
    assert stage.thread() == ["requested", *(f"step {number}" for number in range(200))]
    assert len(stage.slack.thread(stage.card())) <= 6
    assert stage.clock.now() - began < timedelta(seconds=5)


def test_lines_that_are_told_late_say_when_it_happened(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    stage.tell("P-1", "applied")
    stage.clock.forward(minutes=31)
    stage.show()
    assert "Told late: this happened " in stage.slack.text_of(stage.slack.thread(stage.card())[-1])


def test_a_line_that_somebody_must_act_on_stands_alone(stage: Stage) -> None:
    stage.drawing.alone = frozenset({"your turn"})
    stage.open("P-1")
    stage.tell("P-1", "checked", "your turn", "approved", "waiting")
    stage.show()
    said = [message.text for message in stage.slack.thread(stage.card())]
    assert said == ["requested\nchecked", "your turn", "approved\nwaiting"]


def test_a_file_follows_its_line(stage: Stage) -> None:
    stage.drawing.files = {"checked": "select 1;\n", "empty": ""}
    stage.open("P-1")
    stage.tell("P-1", "checked", "approved", "empty")
    stage.show()
    assert stage.thread() == ["requested", "checked", "checked.sql", "approved", "empty", "empty.sql"]
    assert [file.text for file in stage.slack.files()] == ["select 1;\n", "(empty)\n"]
    assert stage.settled()


def test_a_long_story_does_not_hold_up_the_others(stage: Stage) -> None:
    stage.drawing.alone = frozenset(f"step {number}" for number in range(40))
    stage.open("P-1")
    stage.tell("P-1", *(f"step {number}" for number in range(40)))
    stage.open("P-2")
    stage.announcer.announce()
    assert [message.text for message in stage.cards()] == ["P-1 gates 0", "P-2 gates 0"]
    stage.show()
    assert stage.thread("P-1") == ["requested", *(f"step {number}" for number in range(40))]
    assert stage.thread("P-2") == ["requested"]


# Bad days


class Forgetful(dict[str, Any]):
    """Forgets an upload as soon as its bytes have come."""

    def get(self, key: str, default: Any = None) -> Any:
        found = super().get(key, default)
        if found is not None and found.content is not None:
            return None
        return found


@pytest.mark.parametrize("method", ["chat.postMessage", "files.completeUploadExternal"])
def test_what_was_stored_before_the_answer_was_lost_is_not_said_twice(stage: Stage, method: str) -> None:
    stage.drawing.files = {"checked": "select 1;"}
    stage.slack.troubles.lost_answer(times=3, methods=(method,))
    stage.open("P-1")
    stage.tell("P-1", "checked", "approved")
    stage.show()
    assert len(stage.cards()) == 1
    assert stage.thread() == ["requested", "checked", "checked.sql", "approved"]
    assert stage.settled()


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "files.getUploadURLExternal", "upload"])
def test_server_errors_are_waited_out(stage: Stage, method: str) -> None:
    stage.drawing.files = {"checked": "select 1;"}
    stage.slack.troubles.failing(times=4, status=503, methods=(method,))
    stage.open("P-1")
    stage.tell("P-1", "checked")
    stage.show()
    stage.move("P-1", "approval")
    stage.show()
    assert stage.card().text == "P-1 approval 0"
    assert stage.thread() == ["requested", "checked", "checked.sql", "at approval"]


def test_too_many_requests_are_waited_out_as_told(stage: Stage) -> None:
    stage.slack.troubles.too_many(times=1, retry_after=17, methods=("chat.postMessage",))
    stage.open("P-1")
    began = stage.clock.now()
    assert stage.announcer.announce() == began + timedelta(seconds=17)
    stage.clock.forward(seconds=16)
    assert stage.announcer.announce() == began + timedelta(seconds=17)
    assert calls(stage, "chat.postMessage") == 1
    stage.show()
    assert stage.thread() == ["requested"]
    assert calls(stage, "conversations.history") == 0    # Slack had said no: there was nothing to look up


def test_a_silent_slack_is_caught_up_with(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    trouble = stage.slack.troubles.silent(60)
    for number in range(10):
        stage.tell("P-1", f"step {number}")
        if again := stage.announcer.announce():
            stage.clock.until(again)
        if number == 2:
            break
    stage.tell("P-1", *(f"step {number}" for number in range(3, 10)))
    trouble.ends_at = 0.0
    stage.clock.forward(seconds=30)
    stage.show()
    assert stage.thread() == ["requested", *(f"step {number}" for number in range(10))]
    assert len(stage.slack.thread(stage.card())) == 3     # one was on its way, the rest came together


def test_an_absent_slack_holds_nobody_up_for_long(stage: Stage, tmp_path: Path, clock: Clock) -> None:
    gone = Announcer(
        stage.journal, stage.journal, SlackOut(client("http://127.0.0.1:9/api/"), clock, timeout=1), clock,
        stage.renderings,
    )
    for number in range(50):
        stage.open(f"P-{number}")
    for _ in range(20):
        again = gone.announce()
        assert again is not None
        clock.until(again)
    stage.show()
    assert len(stage.cards()) == 50


def test_a_deleted_card_comes_back_with_a_note(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    stage.slack.delete_message(stage.card())
    stage.move("P-1", "approval")
    stage.show()
    card = [message for message in stage.cards() if message.text.startswith("P-1")][-1]
    assert "deleted in Slack" in stage.slack.text_of(card)
    assert [message.text for message in stage.slack.thread(card)] == ["at approval"]
    assert stage.settled()


def test_an_archived_channel_is_noted_once_and_tried_slowly(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    stage.open("P-2", kind="incident")
    stage.renderings["incident"] = type(stage.drawing)(where="#incidents")
    stage.slack.archive("#deploys")
    stage.move("P-1", "approval")
    tries = []
    for _ in range(40):
        before = len(stage.slack.calls)
        again = stage.announcer.announce()
        if len(stage.slack.calls) > before:
            tries.append(stage.clock.now())
        assert again is not None
        stage.clock.until(again)
    assert [message.text for message in stage.cards("#incidents")] == ["P-2 gates 0"]
    noted = [entry for entry in stage.journal.entries("P-1") if entry.kind == "announcer.unable"]
    assert [dict(entry.data) for entry in noted] == [{"channel": "#deploys", "error": "is_archived"}]
    assert tries[-1] - tries[-2] >= timedelta(minutes=9)
    assert [said.partition(":")[0] for said in untold(stage.journal)] == ["P-1 is not shown in #deploys"]
    stage.slack.archive("#deploys", archived=False)
    stage.show()
    assert untold(stage.journal) == []
    assert stage.card().text == "P-1 approval 0"
    assert stage.thread() == ["requested", "at approval"]
    assert stage.settled()


def test_a_channel_that_does_not_exist_yet_is_found_later(stage: Stage) -> None:
    stage.drawing.where = "#new"
    stage.open("P-1")
    stage.announcer.announce()
    assert calls(stage, "conversations.list") == 1
    stage.slack.add_channel("new")
    stage.show()
    assert [message.text for message in stage.cards("#new")] == ["P-1 gates 0"]
    assert stage.settled()


def test_a_channel_that_was_replaced_gets_a_new_card(stage: Stage) -> None:
    stage.open("P-1")
    stage.show()
    stage.slack.archive("#deploys")
    stage.drawing.where = "#incidents"
    stage.move("P-1", "approval")
    stage.show()
    assert [message.text for message in stage.cards("#incidents")] == ["P-1 approval 0"]


def test_a_card_that_cannot_be_drawn_is_said_so_once_and_holds_up_nobody(stage: Stage) -> None:
    stage.renderings["incident"] = type(stage.drawing)(broken_card=True, where="#incidents")
    stage.open("P-1", kind="incident")
    stage.open("P-2")
    stage.show()
    stage.show()
    assert [message.text for message in stage.cards()] == ["P-2 gates 0"]
    [card] = stage.cards("#incidents")
    assert "cannot be shown here at the moment" in card.text
    stage.renderings["incident"].broken_card = False
    stage.clock.forward(seconds=6)
    stage.show()
    [card] = stage.cards("#incidents")
    assert card.text == "P-1 gates 0"


def test_a_line_that_cannot_be_drawn_keeps_its_place(stage: Stage) -> None:
    stage.drawing.broken_line = True
    stage.open("P-1")
    stage.show()
    stage.drawing.broken_line = False
    stage.tell("P-1", "approved")
    stage.show()
    assert stage.thread() == ["requested: this step cannot be shown here; the history has it.", "approved"]


def test_an_upload_that_slack_forgot_is_made_again(stage: Stage) -> None:
    stage.drawing.files = {"checked": "select 1;"}
    stage.slack.troubles.too_many(retry_after=30, methods=("files.completeUploadExternal",))
    stage.open("P-1")
    stage.tell("P-1", "checked", "approved")
    stage.announcer.announce()
    stage.slack.workspace.files.clear()
    stage.clock.forward(hours=1)
    stage.restart()
    stage.show()
    assert stage.thread() == ["requested", "checked", "checked.sql", "approved"]


def test_a_file_that_cannot_be_uploaded_is_said_so(stage: Stage) -> None:
    stage.drawing.files = {"checked": "select 1;"}
    stage.slack.workspace.files = Forgetful()
    stage.open("P-1")
    stage.tell("P-1", "checked", "approved")
    stage.show()
    assert stage.thread() == [
        "requested", "checked", "The file checked.sql could not be uploaded to Slack (file_not_found).", "approved",
    ]


def test_after_a_restart_what_could_not_be_shown_is_tried_at_once(stage: Stage) -> None:
    stage.slack.archive("#deploys")
    stage.open("P-1")
    stage.announcer.announce()
    stage.slack.archive("#deploys", archived=False)
    stage.restart()
    stage.show()
    assert stage.thread() == ["requested"]
    assert stage.settled()


def test_a_public_channel_is_joined_where_nobody_invited_us(stage: Stage) -> None:
    stage.slack.add_channel("open", with_bot=False)
    stage.drawing.where = "#open"
    stage.slack.troubles.lost_answer(times=1)
    stage.open("P-1")
    stage.show()
    assert [message.text for message in stage.cards("#open")] == ["P-1 gates 0"]
    assert stage.settled()


def test_a_kind_that_this_release_does_not_know_waits(stage: Stage) -> None:
    stage.open("X-1", kind="campaign")
    stage.show()
    assert stage.cards() == []
    found = stage.journal.load("X-1")
    assert found is not None
    assert found.announced == 0


def test_blocks_that_slack_does_not_take_become_words(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.open("P-1")
    stage.show()
    stage.drawing.where = "#deploys"
    broken = stage.drawing.card

    def card(record: Any) -> Any:
        made = broken(record)
        return type(made)(made.text, ({"type": "nonsense"},))

    monkeypatch.setattr(stage.drawing, "card", card)
    stage.move("P-1", "approval")
    stage.open("P-2")
    stage.show()
    assert stage.card("P-1").text == "P-1 approval 0"
    assert stage.card("P-2").text == "P-2 gates 0"
    assert stage.settled()


def test_text_from_outside_notifies_nobody(stage: Stage) -> None:
    stage.drawing.words = lambda kind: f"{kind} <!channel> @here <@U0BO00001> https://evil.example"
    stage.open("P-1")
    stage.show()
    [said] = stage.slack.thread(stage.card())
    assert said.notified == set() or not said.notified
    assert not said.specials


def test_secrets_do_not_leave_the_house(stage: Stage) -> None:
    secret = "sb_secret_" + "a1B2" * 8
    stage.drawing.words = lambda kind: f"{kind} with {secret}"
    stage.drawing.files = {"checked": f"-- {secret}"}
    stage.open("P-1")
    stage.tell("P-1", "checked")
    stage.show()
    assert secret not in json.dumps([call.args for call in stage.slack.calls])
    assert [file.text for file in stage.slack.files()] == ["-- [secret]"]


# Killed anywhere


class Killed(BaseException):
    """The end of the process, as far as the code can tell."""


class Fate:
    """Ends the process at the n-th thing it does: just before it, or just after."""

    def __init__(self, at: int, after: bool) -> None:
        self.at, self.after, self.count = at, after, 0

    def doing(self, act: Any) -> Any:
        def fated(*given: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at and not self.after:
                raise Killed
            result = act(*given, **named)
            if self.count == self.at:
                raise Killed
            return result
        return fated


def doomed(stage: Stage, fate: Fate) -> Announcer:
    out = SlackOut(client(stage.slack.api_url), stage.clock, timeout=1)
    vars(out)["_call"] = fate.doing(out._call)

    class Journal:
        def __getattr__(self, name: str) -> Any:
            act = getattr(stage.journal, name)
            return fate.doing(act) if name in ("put", "append", "announced", "keep") else act

    journal: Any = Journal()
    return Announcer(journal, journal, out, stage.clock, stage.renderings)


def play(stage: Stage, scene: int) -> None:
    if scene == 0:
        stage.open("P-1")
    elif scene == 1:
        stage.tell("P-1", "checked", "quiet", "approved")
    else:
        stage.move("P-1", "done", Status.ENDED)


@pytest.mark.parametrize("after", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_killed_at_any_moment_everything_is_said_exactly_once(tmp_path: Path, clock: Clock, after: bool) -> None:
    at = 0
    while True:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        fate = Fate(at, after)
        with Slack(clock=clock.seconds) as slack:
            stage = Stage(folder, slack, clock)
            stage.drawing.files = {"checked": "select 1;"}
            stage.drawing.alone = frozenset({"approved"})
            stage.announcer = doomed(stage, fate)
            died = False
            for scene in range(3):
                play(stage, scene)
                try:
                    stage.show()
                except Killed:
                    died = True
                    clock.forward(seconds=3)
                    stage.restart()
                    stage.show()
            assert stage.card().text == "P-1 done 0", at
            assert stage.thread() == ["requested", "checked", "checked.sql", "approved", "at done"], at
            assert stage.settled(), at
            stage.journal.close()
        if not died:
            break
    assert at > 20


def test_a_fact_about_nothing_is_no_trouble(stage: Stage) -> None:
    stage.journal.append([Fact(about="inbox", kind="refused", actor="U0ANA0001")])
    assert stage.announcer.announce() is None

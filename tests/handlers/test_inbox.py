"""From an acknowledged delivery to what is kept and answered: once, whatever comes between."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

import handlers
from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact, Json, Opening
from bot.errors import Refused, Unreachable
from bot.ports import Put
from bot.scrub import Scrubber
from handlers.conversation import Reply, Subject
from handlers.desk.inbox import InboxPool
from handlers.door import deliveries
from templates.blocks import notice
from tests.handlers.slack_side import TestClock, eventually, open_door, pressed, submitted, web_api

MODAL: dict[str, Json] = {
    "type": "modal", "callback_id": "reject", "title": {"type": "plain_text", "text": "Reject"}, "blocks": [],
}


class Bell:
    """The work port, remembering."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.told = 0

    def wake(self, record: str) -> None:
        self.woken.append(record)

    def tell(self) -> None:
        self.told += 1


class House:
    """A journal, a pool and a Slack, with one subject that does what its test says."""

    def __init__(self, path: Path, api, client) -> None:
        self.clock, self.bell, self.api, self.client = TestClock(), Bell(), api, client
        self.journal = SqliteJournal(path, self.clock, Scrubber())
        self.says = lambda ask: Reply()
        self.asked: list = []
        self.subject = Subject(
            commands={"/migrate": self.answer, "/deploy": self.answer}, actions={"promotion.approve": self.answer},
            views={"reject": self.answer}, shortcuts={"timeline_add": self.answer}, events={"message": self.answer},
        )
        self.pool = self.new_pool()

    def new_pool(self, threads: int = 4) -> InboxPool:
        return InboxPool(
            self.journal, self.journal, self.bell, [self.subject], self.client, self.clock, threads=threads,
        )

    def answer(self, ask) -> Reply:
        self.asked.append(ask)
        return self.says(ask)

    def put(self, body: dict) -> str:
        delivery = deliveries.delivery(body, self.clock.now())
        self.journal.receive(delivery)
        self.pool.nudge()
        return delivery.key

    def command(self, text: str = "", name: str = "/migrate", trigger: str = "1.1") -> str:
        return self.put({"command": name, "text": text, "user_id": "U0ANA", "channel_id": "C1", "team_id": "T0HOME",
                         "trigger_id": trigger, "response_url": "https://hooks.invalid/1"})

    def press(self, value: str = "P-1", stamp: str = "1.5") -> str:
        return self.put(pressed("promotion.approve", value, "U0BO", stamp))

    @property
    def pending(self) -> int:
        return len(self.journal.pending(self.clock.now() + timedelta(hours=1)))

    def facts(self) -> list[tuple[str, str, str]]:
        return [(entry.about, entry.kind, entry.actor) for entry in self.journal.entries()]

    def answers(self) -> dict:
        return self.journal.all("answers")

    def said(self, key: str) -> str:
        return self.answers()[key]["message"]["text"]


@pytest.fixture
def house(tmp_path):
    with web_api() as (api, client):
        house = House(tmp_path / "journal.db", api, client)
        house.pool.start()
        try:
            yield house
        finally:
            assert house.pool.drain(5)
            house.journal.close()


def approval(about: str = "P-1") -> Fact:
    return Fact(about=about, kind="approved", actor="U0BO")


def test_a_click_becomes_a_fact_an_answer_and_a_wake(house: House) -> None:
    house.says = lambda ask: Reply(
        facts=(approval(),), puts=(Put(shelf="drafts", key="d", doc={"a": 1}),), message=notice("Your approval is in."),
        wake=("P-1", "INC-7"),
    )
    key = house.press()
    eventually(lambda: house.bell.woken == ["P-1", "INC-7"])
    assert house.facts() == [("P-1", "approved", "U0BO")]
    assert house.journal.get("drafts", "d") == {"a": 1}
    answer = house.answers()[key]
    assert {name: answer[name] for name in ("response_url", "user", "channel", "thread", "at")} == {
        "response_url": "https://hooks.invalid/answer", "user": "U0BO", "channel": "C0DEPLOYS", "thread": "1700.0",
        "at": "2026-11-23T12:00:00+00:00",
    }
    assert house.said(key) == "Your approval is in."
    assert house.bell.told == 1
    assert house.pending == 0


def test_a_click_that_was_worked_off_is_never_worked_again(house: House) -> None:
    house.says = lambda ask: Reply(facts=(approval(),))
    for _ in range(3):
        house.press()
        eventually(lambda: house.pending == 0)
    time.sleep(0.1)
    assert house.facts() == [("P-1", "approved", "U0BO")]
    assert len(house.asked) == 1


def test_three_copies_over_the_wire_are_worked_once(house: House) -> None:
    house.says = lambda ask: Reply(facts=(approval(ask.name),))
    view = submitted("reject", {"why": {"reason": {"value": "no"}}}, "U0BO", "9")
    shortcut = {"type": "message_action", "callback_id": "timeline_add", "user": {"id": "U0BO"}, "trigger_id": "3.3"}
    with open_door(house.journal, [house.subject], house.clock, nudge=house.pool.nudge) as slack:
        for _ in range(3):
            slack.command("/migrate", trigger_id="8.8")
            slack.interact(pressed("promotion.approve", "P-1", "U0BO", "1.7"))
            slack.interact(view)
            slack.interact(shortcut)
            slack.event({"type": "message", "user": "U0BO", "text": "hi"}, event_id="Ev1")
    eventually(lambda: len(house.facts()) == 5)
    time.sleep(0.1)
    assert sorted(about for about, _, _ in house.facts()) == [
        "/migrate", "message", "promotion.approve", "reject", "timeline_add",
    ]
    assert len(house.asked) == 5


def test_a_mention_says_what_a_command_says(house: House) -> None:
    event = {"type": "app_mention", "user": "U0BO", "channel": "C1", "ts": "2", "thread_ts": "1",
             "text": "<@U0BOT> Migrate  status x"}
    house.put({"type": "event_callback", "event_id": "E1", "event": event})
    eventually(lambda: house.asked)
    ask = house.asked[0]
    assert (ask.kind, ask.name, ask.text, ask.thread) == ("event", "/migrate", "status x", "1")
    lost = house.put({"type": "event_callback", "event_id": "E2", "event": event | {"text": "<@U0BOT> migrat status"}})
    eventually(lambda: lost in house.answers())
    assert "Did you mean /migrate?" in house.said(lost)


def test_a_window_is_opened_with_its_trigger_before_anything_is_kept(house: House) -> None:
    house.says = lambda ask: Reply(view=MODAL, facts=(approval(),))
    house.press(stamp="1.5")
    eventually(lambda: house.facts())
    method, params = house.api.calls[0]
    assert (method, params["trigger_id"]) == ("views.open", "1.5")
    assert house.answers() == {}


@pytest.mark.parametrize(("error", "status", "said"), [
    ("expired_trigger_id", 200, "Slack gave up the window; press it again."),
    ("invalid_trigger_id", 200, "Slack gave up the window; press it again."),
    ("ratelimited", 429, "Slack gave up the window; press it again."),
    ("internal_error", 503, "Slack gave up the window; press it again."),
    ("exchanged_trigger_id", 200, ""),  # it stands open: we were killed before we could note it
    ("invalid_arguments", 200, "That did not work: Slack did not take it (invalid_arguments). Nothing was changed"),
])
def test_a_window_that_does_not_open(house: House, error: str, status: int, said: str) -> None:
    house.api.answers["views.open"], house.api.statuses["views.open"] = {"ok": False, "error": error}, (status, {})
    house.says = lambda ask: Reply(view=MODAL)
    key = house.press()
    eventually(lambda: house.pending == 0)
    assert house.said(key).startswith(said) if said else house.answers() == {}


def test_a_window_while_slack_is_away(house: House) -> None:
    house.client.base_url = "http://127.0.0.1:9/api/"
    house.says = lambda ask: Reply(view=MODAL)
    key = house.press()
    eventually(lambda: house.pending == 0)
    assert house.said(key) == "Slack gave up the window; press it again."


def test_a_refusal_is_answered_and_journalled(house: House) -> None:
    def refuse(ask):
        raise Refused("You asked for this promotion, so someone else has to approve it.")

    house.says = refuse
    house.journal.append([Fact(about="P-1", kind="requested", actor="U0ANA",
                               opens=Opening(kind="promotion", project="shop", stage="gates"))])
    about_it, about_nothing = house.press("P-1:Frontend tested"), house.press("P-99", stamp="1.6")
    long = house.command("promote " + "9" * 500)
    eventually(lambda: len(house.answers()) == 3)
    assert sorted(house.facts()[1:]) == [
        ("P-1", "person.refused", "U0BO"), ("inbox", "person.refused", "U0ANA"), ("inbox", "person.refused", "U0BO"),
    ]
    assert {house.said(key) for key in (about_it, about_nothing, long)} == {
        "You asked for this promotion, so someone else has to approve it."}
    data = {str(entry.data["asked"]): entry.data["why"] for entry in house.journal.entries("inbox")}
    assert data["promotion.approve P-99"] == "You asked for this promotion, so someone else has to approve it."
    assert max(map(len, data)) == 200
    assert house.bell.woken == ["P-1"]


@pytest.mark.parametrize(("name", "said"), [
    ("/migrat", "Stagedoor does not know /migrat. Did you mean /migrate? "
                "It listens to /deploy, /migrate; each says more with help."),
    ("/xyz", "Stagedoor does not know /xyz. It listens to /deploy, /migrate; each says more with help."),
])
def test_an_unknown_command_gets_a_helpful_answer(house: House, name: str, said: str) -> None:
    key = house.command(name=name)
    eventually(lambda: house.answers())
    assert house.said(key) == said


def test_a_button_of_another_release(house: House) -> None:
    key = house.put(pressed("promotion.teleport", "P-1", "U0BO", "1.5"))
    eventually(lambda: house.answers())
    assert house.said(key).startswith("This release of Stagedoor does not know that button or window.")


def test_a_fault_of_our_own_gets_a_reference_that_the_log_has_too(house: House, capsys) -> None:
    def broken(ask):
        raise RuntimeError("postgres://u:hunter2@db")

    house.says = broken
    key = house.command()
    eventually(lambda: house.answers())
    said = house.said(key)
    assert said.startswith("That did not work: Stagedoor met a fault of its own. Nothing was changed by this. (ref ")
    ref = said.split("(ref ")[1].rstrip(")")
    printed = capsys.readouterr().out
    assert ref in printed
    assert "RuntimeError" in printed
    assert house.pending == 0
    assert len(house.asked) == 1


def test_a_reply_that_the_journal_does_not_take_is_a_fault_too(house: House) -> None:
    unwritable = Fact(about="P-1", kind="x", actor="U", data={"bad": float("nan")})
    house.says = lambda ask: Reply(facts=(unwritable, approval()))
    key = house.command()
    eventually(lambda: house.pending == 0)
    assert house.said(key).startswith("That did not work: ")
    assert house.facts() == []


def silence(ask) -> Reply:
    raise Unreachable("GitHub did not answer within 5 s.")


def _tried(house: House, attempts: int) -> bool:
    return house.journal.pending(house.clock.now() + timedelta(hours=1))[0].attempts == attempts


def test_what_is_out_of_reach_is_tried_again_and_said_once(house: House) -> None:
    house.says = silence
    key = house.command()
    waits = []
    for attempt in range(1, 5):
        eventually(partial(_tried, house, attempt))
        begun = house.clock.now()
        assert house.journal.pending(begun) == []
        while not house.journal.pending(house.clock.now()):
            house.clock.forward(seconds=1)
        waits.append((house.clock.now() - begun).total_seconds())
        if attempt < 3:
            assert house.answers() == {}
        house.pool.nudge()
    assert waits == [2, 4, 8, 16]
    eventually(lambda: house.answers())
    assert list(house.answers()) == [key + ":waiting"]
    assert house.said(key + ":waiting") == (
        "GitHub did not answer within 5 s. Stagedoor keeps trying for 25 minutes; nothing was changed so far.")
    house.says = lambda ask: Reply(facts=(approval(),), message=notice("Promotion P-1 is requested."))
    house.clock.forward(minutes=1)
    house.pool.nudge()
    eventually(lambda: key in house.answers())
    assert house.pending == 0


def test_what_stays_out_of_reach_is_answered_before_the_way_to_answer_closes(house: House) -> None:
    house.says = silence
    key = house.command()
    received = house.clock.now()
    while key not in house.answers():
        assert house.clock.now() - received < timedelta(minutes=26)
        house.clock.forward(seconds=30)
        house.pool.nudge()
        eventually(lambda: not house.journal.pending(house.clock.now()))
    assert house.clock.now() - received > timedelta(minutes=23)
    assert house.said(key).startswith("That did not work: GitHub did not answer within 5 s. Nothing was changed")
    assert house.pending == 0


def test_a_store_that_fails_holds_the_row_and_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.says = lambda ask: Reply(facts=(approval(),))
    good = house.journal.append
    failing = threading.Event()
    failing.set()

    def append(*args, **kwargs):
        if failing.is_set():
            raise OSError("disk")
        return good(*args, **kwargs)

    monkeypatch.setattr(house.journal, "append", append)
    house.press()
    eventually(lambda: house.journal.pending(house.clock.now() + timedelta(hours=1))[0].attempts == 1)
    house.clock.forward(seconds=2)
    monkeypatch.setattr(house.journal, "postpone", append)  # now nothing can be written at all
    house.pool.nudge()
    eventually(lambda: len(house.asked) == 2)
    assert house.pending == 1
    failing.clear()
    eventually(lambda: house.facts() == [("P-1", "approved", "U0BO")])
    assert house.answers() == {}


def test_an_inbox_that_cannot_be_read_is_read_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    good, fails = house.journal.pending, [1, 1]

    def pending(now):
        if fails:
            fails.pop()
            raise OSError("disk")
        return good(now)

    monkeypatch.setattr(house.journal, "pending", pending)
    house.press()
    eventually(lambda: house.asked)


def test_a_lost_nudge_costs_a_second(house: House) -> None:
    house.journal.receive(deliveries.delivery(pressed("promotion.approve", "P-1", "U0BO", "1"), house.clock.now()))
    eventually(lambda: house.asked, within=3)


def test_no_row_is_worked_twice_at_once_and_all_are_worked(house: House) -> None:
    running: set[str] = set()
    twice = []

    def slow(ask):
        if ask.key in running:
            twice.append(ask.key)
        running.add(ask.key)
        time.sleep(0.002)
        running.discard(ask.key)
        return Reply(facts=(approval(),))

    house.says = slow
    for n in range(200):
        house.command(trigger=f"t{n}")
    eventually(lambda: house.pending == 0, within=20)
    assert (twice, len(house.facts()), len(house.asked)) == ([], 200, 200)


def test_what_waits_for_the_unreachable_leaves_threads_for_the_rest(house: House) -> None:
    gate = threading.Event()

    def stuck(ask):
        if ask.text == "slow" and sum(a.text == "slow" for a in house.asked) > 6:
            gate.wait(10)
        return silence(ask) if ask.text == "slow" else Reply(message=notice("quick"))

    house.says = stuck
    for n in range(6):
        house.command("slow", trigger=f"s{n}")
    eventually(lambda: len(house.asked) == 6)
    house.clock.forward(seconds=3)  # all six come again, and hang
    house.pool.nudge()
    eventually(lambda: len(house.asked) == 8)
    begun = time.monotonic()
    key = house.command("status", trigger="q")
    eventually(lambda: key in house.answers())
    assert time.monotonic() - begun < 1.0
    gate.set()


def test_draining_waits_for_what_is_being_worked_on_and_begins_nothing_new(tmp_path: Path) -> None:
    with web_api() as (api, client):
        house = House(tmp_path / "journal.db", api, client)
        begun = threading.Event()

        def slow(ask):
            begun.set()
            time.sleep(0.3)
            return Reply(facts=(approval(),))

        house.says = slow
        house.pool = house.new_pool(threads=1)
        house.pool.start()
        for n in range(3):
            house.command(trigger=f"t{n}")
        begun.wait(5)
        assert house.pool.drain(5)
        assert (len(house.facts()), house.pending) == (1, 2)
        # The next process finds the rest.
        house.pool = house.new_pool()
        house.pool.start()
        eventually(lambda: len(house.facts()) == 3)
        assert house.pool.drain(5)
        house.journal.close()


def test_draining_gives_up_on_what_hangs(tmp_path: Path) -> None:
    with web_api() as (api, client):
        house = House(tmp_path / "journal.db", api, client)
        gate = threading.Event()
        house.says = lambda ask: Reply(wake=(str(gate.wait(10)),))
        house.pool.start()
        house.command()
        eventually(lambda: house.asked)
        assert not house.pool.drain(0.2)
        gate.set()
        assert house.pool.drain(5)
        house.journal.close()


KILLED = """
import os, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], sys.argv[3]]
from tests.handlers.slack_side import TestClock
from slack_sdk import WebClient
from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact
from bot.scrub import Scrubber
from handlers.door import deliveries
from handlers.conversation import Reply, Subject
from handlers.desk.desk import Desk
clock = TestClock()
journal = SqliteJournal(Path(sys.argv[1]), clock, Scrubber())
class Work:
    def wake(self, record): os.kill(os.getpid(), 9)
    def tell(self): step("told")
def step(name):
    if name == sys.argv[4]: os.kill(os.getpid(), 9)
def handle(ask):
    step("handled")
    return Reply(facts=(Fact(about="P-1", kind="approved", actor=ask.user),), wake=("P-1",))
body = {"command": "/migrate", "user_id": "U1", "trigger_id": "1"}
delivery = deliveries.delivery(body, clock.now())
journal.receive(delivery)
step("received")
Desk(journal, journal, Work(), [Subject(commands={"/migrate": handle})], WebClient(), clock).work(delivery)
"""


@pytest.mark.parametrize(("step", "kept"), [("received", 0), ("handled", 0), ("told", 1), ("woken", 1)])
def test_killed_anywhere_it_is_worked_once(tmp_path: Path, step: str, kept: int) -> None:
    path, root = tmp_path / "journal.db", Path(handlers.__file__).parent.parent
    arguments = [str(path), str(root), str(Path(__file__).parent), step]
    assert subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False).returncode == -9
    with web_api() as (api, client), contextlib.ExitStack() as stack:
        house = House(path, api, client)
        stack.callback(house.journal.close)
        house.says = lambda ask: Reply(facts=(approval(),))
        assert len(house.facts()) == kept
        house.pool.start()
        eventually(lambda: house.pending == 0)
        assert house.pool.drain(5)
        assert len(house.facts()) == 1

"""`/deploy`, `Schedule`, `Run now` and App Home, from Slack and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rehearsal.postgres import Postgres
from rehearsal.slack import Message
from tests.stories.house import ANA, BO, CY, FEATURE, GIL, POLICY, SAM, UNCHECKED, House
from tests.stories.test_windows import window

pytestmark = pytest.mark.slow  # many whole worlds: .ci/run has the time for them

Opens = Callable[..., House]
BERLIN = ZoneInfo("Europe/Berlin")


def answer(h: House, user: str, words: str) -> Message:
    """The private answer that says so."""
    def seen() -> Message | None:
        return next((each for each in h.slack.ephemerals(user) if words in h.slack.text_of(each)), None)

    return h.until(seen, f"{user} to be told “{words}”")


def confirmed(h: House, user: str, command: str, words: str) -> None:
    """Type it, read what was understood, and confirm it."""
    h.says(user, command)
    h.slack.press(user, answer(h, user, words), "Confirm")


def counted(h: House, record: str, words: str) -> None:
    h.says(ANA, f"/deploy window {words}")
    h.slack.press(ANA, answer(h, ANA, "once you press Confirm"), "Confirm")
    h.reads(record, "Deploy window")


def test_help_and_what_there_is_not(house: Opens) -> None:
    h = house()
    h.says(ANA, "/deploy")
    text = h.told(ANA, "/deploy window WHEN")
    assert "tomorrow 02:00" in text
    h.says(ANA, "/deploy widnow tomorrow")
    h.told(ANA, "There is no /deploy widnow. Did you mean /deploy window?")


def test_a_window_is_shown_before_it_counts(house: Opens) -> None:
    h = house()
    day = (datetime.now(BERLIN) + timedelta(days=3)).date()
    h.says(ANA, f"/deploy window {day} 22:00 for 3h bigger disks")
    shown = answer(h, ANA, "once you press Confirm")
    text = h.slack.text_of(shown, reader=ANA)
    opens = datetime(day.year, day.month, day.day, 22, tzinfo=BERLIN)
    assert f"{opens:%a} {day} 22:00 to" in text
    assert f"{opens.astimezone(UTC):%Y-%m-%d %H:%M} to {day + timedelta(days=0)}"[:16] in text
    assert "UTC" in text
    with pytest.raises(LookupError):
        h.card("W-1")
    h.slack.press(ANA, shown, "Confirm")
    h.slack.press(ANA, shown, "Confirm")                              # twice is once
    card = h.reads("W-1", "Announced by @ana: bigger disks")
    assert "Nothing is queued" in card
    h.says(BO, "/deploy windows")
    assert "W-1, announced by @ana: bigger disks" in h.told(BO, "always open")
    h.says(SAM, "/deploy cancel W-1")
    h.told(SAM, "needs an operator")
    h.says(ANA, "/deploy cancel W-1")
    h.reads("W-1", "Cancelled by @ana")
    with pytest.raises(LookupError):
        h.card("W-2")


@pytest.mark.parametrize(("typed", "said"), [
    ("window banana", "“banana” is no time that Stagedoor understands"),
    ("window 2020-01-01 10:00", "is over"),
    ("window tomorrow 02:00 for 0m", "lasts no time"),
    ("window tomorrow 25:00", "is no time"),
    ("window 2027-03-28 02:30", "the clocks go forward"),
    ("window 2027-10-31 02:30", "comes twice in Europe/Berlin"),
    ("freeze", "A freeze needs a reason: /deploy freeze the audit is running"),
    ("freeze until tomorrow 08:00", "A freeze needs a reason"),
    ("freeze until banana", "This works: /deploy freeze until"),
    ("cancel W-9", "Say which window"),
])
def test_bad_input_is_answered_with_an_example_that_works(shared_deploys: House, typed: str, said: str) -> None:
    h = shared_deploys
    h.says(ANA, f"/deploy {typed}")
    assert "/deploy " in h.told(ANA, said)


@pytest.fixture(scope="module")
def shared_deploys(server: Postgres) -> object:
    with House(postgres=server, limits="off") as made:
        made.start_bot()
        yield made


def test_a_window_from_a_date_picker(house: Opens) -> None:
    h = house()
    h.says(ANA, "/deploy window")
    h.until(lambda: h.slack.modal(ANA), "the modal")
    opens = (datetime.now(UTC) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    past = int(opens.timestamp()) - 5 * 86400
    h.slack.submit(ANA, values={"Opens": past, "Lasts": "1 hour"})
    h.told(ANA, "That moment is over")
    h.says(ANA, "/deploy window")
    h.until(lambda: h.slack.modal(ANA), "the modal")
    h.slack.submit(ANA, values={"Opens": int(opens.timestamp()), "Lasts": "1 hour", "Reason": "disks"})
    h.slack.press(ANA, answer(h, ANA, "once you press Confirm"), "Confirm")
    h.reads("W-1", "disks")


def test_a_freeze_holds_and_an_approver_lifts_it(house: Opens) -> None:
    h = house()
    h.says(SAM, "/deploy freeze because")
    h.told(SAM, "needs an operator")
    h.says(ANA, "/deploy freeze the audit is running")
    h.reads("F-1", "Promotions are frozen")
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Approved. Waiting for F-1 to be lifted: the audit is running")
    h.says(ANA, "/deploy unfreeze it is over")
    h.told(ANA, "not a listed approver")
    h.says(BO, "/deploy unfreeze F-1")
    h.told(BO, "Lifting a freeze needs a reason")
    assert h.history() == ["20261020090000"]
    h.says(BO, "/deploy unfreeze F-1 the audit is over")
    h.reads("F-1", "Lifted by @bo: the audit is over")
    h.reads(card, "Waiting for somebody who is there")
    h.presses(ANA, card, "I am here")
    h.reads(card, "Done · in production")


def test_a_freeze_with_an_end_is_shown_before_it_counts(house: Opens) -> None:
    h = house()
    h.says(CY, "/deploy freeze until tomorrow 08:00 the sale")
    text = h.slack.text_of(answer(h, CY, "once you press Confirm"))
    assert "Promotions frozen from now until" in text
    assert "08:00 Europe/London" in text
    h.slack.press(CY, answer(h, CY, "once you press Confirm"), "Confirm")
    h.reads("F-1", "the sale · until")


def test_schedule_puts_it_into_a_window_and_run_now_passes_windows(house: Opens) -> None:
    h = house(policy=POLICY + window(timedelta(hours=5)))
    counted(h, "W-1", "in 30 hours for 1h30m more time")
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "[Run now]")
    h.reads("W-2", "One of the policy's windows")
    h.presses(ANA, card, "Schedule")
    modal = h.until(lambda: h.slack.modal(ANA), "the modal")
    options = next(block["element"]["options"] for block in modal.blocks if block["type"] == "input")
    mine = next(option["text"]["text"] for option in options if "W-1" in option["text"]["text"])
    h.slack.submit(ANA, values={"Window": mine})
    h.thread_says(card, "Scheduled by @ana for the deploy window")
    h.reads("W-1", f"{card} 1st in line")
    h.reads("W-2", "Nothing is queued")
    assert "seconds" not in h.card(card).text
    h.presses(ANA, card, "Run now")
    h.until(lambda: h.slack.modal(ANA), "the modal")
    h.slack.submit(ANA, values={"Reason": "customers wait"})
    h.reads(card, "Run now asked for by @ana: customers wait")
    assert h.history() == ["20261020090000"]
    h.presses(BO, card, "Run now")
    h.until(lambda: h.slack.modal(BO), "the modal")
    h.slack.submit(BO)
    h.reads(card, "Done · in production")
    assert "Outside of the deploy windows: let through by @bo. Reason: customers wait" in h.slack.text_of(h.card(card))


def test_what_waits_for_the_policys_window_is_announced(house: Opens) -> None:
    h = house(policy=POLICY + window(timedelta(hours=5)))
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    text = h.reads("W-1", "P-1 1st in line")
    assert "In all likelihood" in text
    assert "asked by @ana" in text


def test_what_is_asked_for_next_follows_and_waits_in_line(house: Opens) -> None:
    h = house()
    h.end_bot()
    h.write_policy(UNCHECKED)
    h.start_bot()
    h.only(FEATURE)
    first = h.ready_to_approve()
    h.write("20261102120000_next.sql", "create table if not exists public.next (id int);")
    h.staged(2)
    h.says(ANA, "/migrate promote")
    h.reads("P-2", "goes in after P-1, which brings 20261101120000")
    h.says(ANA, "/migrate promote")
    h.told(ANA, "P-2 is that very request already")
    h.confirmed("P-2")
    h.presses(BO, "P-2", "Approve")
    h.reads("P-2", "its turn: it follows P-1")
    assert h.history() == ["20261020090000"]
    h.presses(BO, first, "Approve")
    h.reads(first, "Done · in production")
    h.reads("P-2", "Done · in production")
    assert h.history()[-1] == "20261102120000"


def test_what_was_to_follow_one_that_is_cancelled_is_refused(house: Opens) -> None:
    h = house()
    h.only(FEATURE)
    h.staged()
    h.asked()
    h.write("20261102120000_next.sql", "comment on table public.books is 'all of them';")
    h.staged(2)
    h.says(ANA, "/migrate promote")
    h.reads("P-2", "goes in after P-1")
    h.presses(ANA, "P-1", "Cancel")
    h.reads("P-2", "P-1, which this was to follow, ended without 20261101120000. Ask again.")


def test_app_home_shows_the_calendar(house: Opens) -> None:
    h = house(policy=POLICY + window(timedelta(hours=5)))
    h.slack.open_home(BO)
    home = h.until(lambda: h.slack.home(BO), "App Home")
    text = h.slack.text_of(home)
    assert "Deploy windows of the next two weeks" in text
    assert text.count("Open ") >= 13
    h.slack.open_home(GIL)
    assert "for full members" in h.slack.text_of(h.until(lambda: h.slack.home(GIL), "App Home"))


@pytest.mark.slow
def test_killed_after_a_reminder_it_is_told_once(house: Opens) -> None:
    h = house()
    counted(h, "W-1", "in 10 min for 30m disks")
    h.thread_says("W-1", "opens in 10 min", patience=80)
    h.kill_bot()
    h.restart()
    h.says(BO, "/deploy windows")
    h.told(BO, "W-1")
    assert h.thread("W-1").count("The deploy window opens in") == 1


def test_a_bookmark_of_the_channel_names_the_next_window_and_the_freeze(house: Opens) -> None:
    h = house()
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    counted(h, "W-1", f"{day} 22:00 UTC for 2h bigger disks")

    def reads(words: str) -> None:
        h.until(lambda: [words] == h.slack.bookmarks() or None, f"the bookmark to say “{words}”")

    reads(window_named := f"Deploys: next window {day:%a} {day.day} {day:%b} 22:00 UTC")
    h.says(ANA, "/deploy freeze the audit is running")
    reads("Deploys: frozen · the audit is running")
    h.kill_bot()
    h.restart()
    h.says(BO, "/deploy unfreeze the audit is over")
    reads(window_named)
    h.says(ANA, "/deploy cancel W-1")
    h.until(lambda: not h.slack.bookmarks(), "the bookmark to be gone")

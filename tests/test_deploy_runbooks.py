"""Windows, freezes and the promotions that wait for them, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.record import Status
from bot.errors import Refused
from bot.windows import schedule
from bot.windows.verbs import Deploys
from tests.deploying import ANA, BO, CY, NIGHTS, RULES, SAM, UNATTENDED, Killed, Mortal, Stage

Opens = Callable[..., Stage]
WHEN = (("2026-11-24 01:00", "24 h"), ("2026-11-25 00:00", "1 h"), ("2026-11-25 00:50", "10 min"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Opens]:
    made: list[Stage] = []

    def opened(policy: str = RULES + NIGHTS) -> Stage:
        made.append(Stage(tmp_path / str(len(made)), policy))
        return made[-1]

    yield opened
    for each in made:
        each.journal.close()


# Reminders

def test_a_window_is_told_of_at_each_named_time(stage: Opens) -> None:
    s = stage(RULES)
    window = s.announce("2026-11-25 02:00 for 2h bigger disks")       # 01:00 UTC
    for time, _ in WHEN:
        s.at(time)
    s.at("2026-11-25 01:00")
    assert s.record(window).stage == "opened"
    s.at("2026-11-25 03:00")
    said = s.lines(window)
    assert [text.partition(",")[0] for text in said[:3]] == [
        "The deploy window opens in 24 h", "The deploy window opens in 1 h", "The deploy window opens in 10 min",
    ]
    assert said[3].startswith("The deploy window is open until")
    assert said[4].startswith("The deploy window is closed")
    assert "late" not in "".join(said)
    assert s.record(window).status is Status.ENDED


def test_what_was_missed_is_told_once_and_says_how_late(stage: Opens) -> None:
    s = stage(RULES)
    window = s.announce("2026-11-25 02:00 for 2h")
    s.at("2026-11-25 00:53")                                          # nobody ran since Monday noon
    [reminder] = s.lines(window)
    assert reminder.startswith("The deploy window opens in 7 min")
    assert "(late by 3 min)" in reminder
    s.at("2026-11-25 01:20")
    assert "(late by 20 min)" in s.lines(window)[1]
    s.at("2026-11-25 03:02")
    assert "(late by 2 min)" in s.lines(window)[2]


def test_a_window_that_passed_while_nobody_ran_says_so(stage: Opens) -> None:
    s = stage(RULES)
    window = s.announce("2026-11-25 02:00 for 2h")
    s.at("2026-11-26 12:00")
    [said] = s.lines(window)
    assert said.startswith("This window passed while Stagedoor did not run.")


def test_a_window_at_short_notice_is_not_reminded_of_times_before_its_announcement(stage: Opens) -> None:
    s = stage(RULES)
    window = s.announce("in 45 min for 30m")
    assert s.lines(window) == []
    s.at("12:35")
    assert [text.partition(",")[0] for text in s.lines(window)] == ["The deploy window opens in 10 min"]


@pytest.mark.parametrize("writes", [1, 2, 3])
@pytest.mark.parametrize("at", [*(time for time, _ in WHEN), "2026-11-25 01:00", "2026-11-25 03:00"])
def test_killed_at_any_write_of_any_reminder_it_is_told_once(stage: Opens, at: str, writes: int) -> None:
    s = stage(RULES)
    window = s.announce("2026-11-25 02:00 for 2h")
    told: list[str] = []
    for time in [*(time for time, _ in WHEN), "2026-11-25 01:00", "2026-11-25 03:00"]:
        if time == at:
            with suppress(Killed):
                s.clock.forward(seconds=(_utc(time) - s.clock.now()).total_seconds())
                s.sweep(Mortal(s.journal, writes))
        s.at(time)
        told.append(s.lines(window)[-1])
    assert s.lines(window) == told
    assert len(told) == 5


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_cancelled_window_says_so_and_nothing_more(stage: Opens) -> None:
    s = stage(RULES)
    window = s.announce("2026-11-25 02:00 for 2h")
    s.say(s.deploys.cancel(ANA, window))
    s.at("2026-11-25 01:00")
    assert len(s.lines(window)) == 1
    assert "Cancelled by" in s.lines(window)[0]
    with pytest.raises(Refused, match="over already"):
        s.deploys.cancel(ANA, window)


# Promotions and windows

def test_approved_in_an_open_window_it_starts_at_once(stage: Opens) -> None:
    s = stage()
    s.at("23:00")
    s.promotion()
    assert [record for record, _ in s.started] == ["P-1"]


def test_it_waits_for_the_policys_window_which_is_announced_for_it(stage: Opens) -> None:
    s = stage()
    s.promotion()
    assert s.record().waits_for == "the deploy window"
    s.at("20:30")
    card = s.card("W-1")
    assert "One of the policy's windows" in card
    assert "P-1 1st in line" in card
    assert "1 s on staging" in card
    assert "In all likelihood 1 s" in card
    s.at("21:50")
    assert len(s.entries("P-1", "window.near")) == 1
    s.here()
    s.at("22:00")
    assert [(record, f"{at:%H:%M}") for record, at in s.started] == [("P-1", "22:00")]


def test_nobody_there_it_goes_to_the_next_window_and_says_so(stage: Opens) -> None:
    s = stage()
    s.promotion()
    for time in ("21:50", "22:00", "23:30", "2026-11-24 01:59:30", "2026-11-24 02:10"):
        s.at(time)
    assert s.started == []
    first, second = s.entries("P-1", "window.planned")
    assert (first.data["opens"], second.data["opens"]) == ("2026-11-23T22:00:00+00:00", "2026-11-24T22:00:00+00:00")
    assert second.data["why"] == "nobody was there"
    s.at("2026-11-24 21:50")
    assert len(s.entries("P-1", "window.near")) == 2
    s.here(by=BO)
    s.at("2026-11-24 22:00")
    assert [record for record, _ in s.started] == ["P-1"]


def test_a_start_after_the_opening_was_slept_through_still_waits_for_somebody(stage: Opens) -> None:
    s = stage()
    s.promotion()
    s.at("22:30")                                                     # nothing ran since noon
    assert s.record().waits_for == "somebody who is there"
    assert s.started == []
    s.here()
    assert len(s.started) == 1


def test_unattended_it_starts_by_itself(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    s.promotion()
    s.at("22:00")
    assert len(s.started) == 1


def test_what_cannot_finish_before_closing_waits_for_the_next(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    s.at("2026-11-24 01:30")
    s.promotion("P-1", seconds=20 * 60)                               # 41 min with the margin
    s.promotion("P-2", seconds=60)
    assert [record for record, _ in s.started] == ["P-2"]
    [planned] = s.entries("P-1", "window.planned")
    assert "it needs about 41 min, which is more than is left" in str(planned.data["why"])
    s.at("2026-11-24 22:00")
    assert [record for record, _ in s.started] == ["P-2", "P-1"]


def test_what_needs_longer_than_any_window_says_so(stage: Opens) -> None:
    s = stage()
    s.promotion(seconds=3 * 3600)
    assert "a window that lasts long enough: it needs about 361 min" in s.record().waits_for


def test_two_for_one_window_go_in_one_after_the_other_in_their_order(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    for number in (1, 2, 3):
        s.promotion(f"P-{number}")
        s.clock.forward(seconds=5)
    s.slow = {"P-1"}
    s.at("22:00")
    assert [record for record, _ in s.started] == ["P-1"]
    assert s.record("P-2").waits_for == "its turn: 2nd in line after P-1"
    assert s.record("P-3").waits_for == "its turn: 3rd in line after P-2"
    s.slow = set()
    s.at("22:05")
    s.at("22:06")
    assert [record for record, _ in s.started] == ["P-1", "P-2", "P-3"]


def test_a_window_that_closes_while_one_is_applied_lets_it_finish_and_not_the_next_begin(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    s.promotion("P-1")
    s.clock.forward(seconds=5)
    s.promotion("P-2")
    s.slow = {"P-1"}
    s.at("22:00")
    s.at("2026-11-24 02:01")
    assert s.record("P-1").stage == "apply"
    s.slow = set()
    s.at("2026-11-24 02:02")
    assert s.record("P-1").status is Status.ENDED
    assert [record for record, _ in s.started] == ["P-1"]
    s.at("2026-11-24 22:00")
    assert [record for record, _ in s.started] == ["P-1", "P-2"]


def test_one_that_nobody_is_there_for_does_not_hold_up_the_others(stage: Opens) -> None:
    s = stage()
    s.promotion("P-1")
    s.clock.forward(seconds=5)
    s.promotion("P-2")
    s.at("21:50")
    s.here("P-2")
    s.at("22:00")
    assert [record for record, _ in s.started] == ["P-2"]
    s.here("P-1")
    assert [record for record, _ in s.started] == ["P-2", "P-1"]


# Freezes

def test_a_freeze_holds_until_it_is_lifted_by_an_approver(stage: Opens) -> None:
    s = stage(RULES)
    frozen = s.freeze("the audit")
    s.promotion()
    assert s.record().waits_for == "F-1 to be lifted: the audit"
    project = s.ports.projects["shop"]
    with pytest.raises(Refused, match="not a listed approver"):
        s.deploys.unfreeze(ANA, project, "it is over")
    with pytest.raises(Refused, match="needs a reason"):
        s.deploys.unfreeze(BO, project, "")
    s.say(s.deploys.unfreeze(BO, project, "it is over"))
    assert s.record(frozen).status is Status.ENDED
    s.at("12:01")
    assert s.record().waits_for == "somebody who is there"            # it starts later than its approval
    assert [planned.data["why"] for planned in s.entries("P-1", "window.planned")] == [""]
    s.here()
    assert len(s.started) == 1


def test_a_freeze_with_an_end_passes_by_itself(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED)
    asked = s.deploys.freeze_until(ANA, "shop", "in 2 hours the audit", "key")
    s.journal.put([asked.put])
    assert s.deploys.confirm(ANA, asked.token) == s.deploys.confirm(ANA, asked.token) == ("F-1", "shop")
    s.sweep()
    s.promotion()
    assert s.started == []
    s.at("14:03")
    assert [f"{at:%H:%M}" for _, at in s.started] == ["14:03"]
    assert "The freeze is over (late by 3 min)" in s.lines("F-1")[0]


def test_a_freeze_stops_what_was_let_through_and_has_not_begun(stage: Opens) -> None:
    s = stage(RULES)
    s.hesitant = {"P-1"}
    s.promotion()
    assert s.record().stage == "apply"
    s.freeze("the audit")
    s.hesitant = set()
    s.at("12:30")
    assert s.record().stage == "window"
    assert s.started == []


def test_a_window_that_closes_on_what_was_let_through_and_has_not_begun(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    s.at("2026-11-24 01:50")
    s.hesitant = {"P-1"}
    s.promotion()
    s.at("2026-11-24 02:01")
    assert s.record().waits_for == "the deploy window"
    s.hesitant = set()
    s.at("2026-11-24 22:00")
    assert len(s.started) == 1


def test_frozen_over_a_window_it_opens_and_nothing_starts(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED)
    window = s.announce("2026-11-23 16:00 for 2h")                    # 15:00 UTC
    s.freeze("the audit")
    assert "Nothing starts: F-1 stands, the audit" in s.card(window)
    s.at("15:00")
    assert "Nothing starts: F-1 stands" in s.lines(window)[-1]


def test_a_window_of_the_policys_is_withdrawn_by_a_freeze_and_told_of_anew_after_it(stage: Opens) -> None:
    s = stage()
    s.promotion()
    s.freeze("the audit")
    s.at("21:55")
    assert s.record("W-1").status is Status.ENDED
    assert s.lines("W-1")[-1] == "This window is withdrawn: a freeze or the policy changed it."
    s.say(s.deploys.unfreeze(BO, s.ports.projects["shop"], "over"))
    s.at("21:56")
    windows = s.journal.find(kind="window", status=Status.LIVE)
    assert len(windows) == 1
    assert windows[0].id != "W-1"


def test_holidays_are_freezes_that_nobody_lifts(stage: Opens) -> None:
    s = stage(RULES + '[deploy]\nholidays = "DE"\nattended = false\n')
    s.at("2026-12-25 12:00")
    s.promotion()
    assert s.record().waits_for == "Christmas Day to pass, a holiday of DE"
    with pytest.raises(Refused, match="passes by itself"):
        s.deploys.unfreeze(BO, s.ports.projects["shop"], "no")
    s.at("2026-12-26 23:00")
    assert len(s.started) == 1


# Schedule and Run now

def test_put_into_a_window_it_starts_there_and_no_sooner(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    window = s.announce("2026-11-25 10:00 for 1h")                    # 09:00 UTC on Wednesday
    s.promotion()
    choices = s.timing.choices(ANA, "P-1")
    chosen = next(span for span, name in choices if name == window)
    s.say(s.timing.schedule(ANA, "P-1", chosen.start.isoformat()))
    s.at("22:30")
    s.at("2026-11-25 08:00")
    assert s.started == []
    assert "P-1 1st in line" in s.card(window)
    s.at("2026-11-25 09:00")
    assert len(s.started) == 1


def test_a_cancelled_window_lets_what_was_put_into_it_go_to_the_next(stage: Opens) -> None:
    s = stage(RULES + UNATTENDED + NIGHTS)
    window = s.announce("2026-11-25 10:00 for 1h")
    s.promotion()
    s.say(s.timing.schedule(ANA, "P-1", "2026-11-25T09:00:00+00:00"))
    s.say(s.deploys.cancel(ANA, window))
    s.at("12:01")
    assert s.entries("P-1", "window.planned")[-1].data["opens"] == "2026-11-23T22:00:00+00:00"


def test_a_window_that_is_too_short_is_no_choice(stage: Opens) -> None:
    s = stage(RULES + NIGHTS)
    s.announce("2026-11-25 10:00 for 10m")
    s.promotion(seconds=600)
    with pytest.raises(Refused, match="needs about 21 min"):
        s.timing.schedule(ANA, "P-1", "2026-11-25T09:00:00+00:00")


def test_run_now_takes_a_reason_and_an_approver_other_than_the_requester(stage: Opens) -> None:
    s = stage()
    s.promotion(by=BO)                                                # an approver asked for it
    with pytest.raises(Refused, match="needs a reason"):
        s.timing.run_now(BO, "P-1", "  ")
    s.say(s.timing.run_now(BO, "P-1", "customers wait"))
    assert s.started == []
    with pytest.raises(Refused, match="operator"):
        s.timing.run_now(SAM, "P-1", "me too")
    s.say(s.timing.run_now(CY, "P-1", "customers wait"))
    assert len(s.started) == 1


def test_run_now_never_passes_a_freeze(stage: Opens) -> None:
    s = stage()
    s.promotion()
    s.freeze("the audit")
    with pytest.raises(Refused, match="never freezes: F-1 stands"):
        s.timing.run_now(CY, "P-1", "customers wait")


def test_run_now_given_before_a_freeze_waits_for_its_end(stage: Opens) -> None:
    s = stage()
    s.promotion("P-1")
    s.slow = {"P-1"}
    s.promotion("P-2")
    s.say(s.timing.run_now(CY, "P-1", "customers wait"))
    s.say(s.timing.run_now(CY, "P-2", "and this"))
    s.freeze("the audit")
    s.slow = set()
    s.at("12:05")
    assert [record for record, _ in s.started] == ["P-1"]
    s.say(s.deploys.unfreeze(BO, s.ports.projects["shop"], "over"))
    s.at("12:06")
    assert [record for record, _ in s.started] == ["P-1", "P-2"]


def test_what_was_shown_to_somebody_counts_by_their_own_word_alone(stage: Opens) -> None:
    s = stage(RULES)
    asked = s.deploys.window(ANA, s.ports.projects["shop"], "tomorrow 22:00 for 2h", "k")
    s.journal.put([asked.put])
    with pytest.raises(Refused, match="Only who asked for it"):
        s.deploys.confirm(CY, asked.token)
    shop = s.ports.projects["shop"]
    fewer = shop.policy.model_copy(update={"roles": shop.policy.roles.model_copy(update={"operators": (CY,)})})
    later = Deploys(replace(s.ports, projects={"shop": replace(shop, policy=fewer)}))
    with pytest.raises(Refused, match="needs an operator"):
        later.confirm(ANA, asked.token)
    assert s.deploys.confirm(ANA, asked.token) == ("W-1", "shop")


def test_a_freeze_of_everything_holds_each_project_and_takes_an_approver_of_all(stage: Opens) -> None:
    s = stage(RULES)
    shop = s.ports.projects["shop"]
    approvers = shop.policy.approvals.model_copy(update={"approvers": (CY,)})
    blog = replace(shop, name="blog", policy=shop.policy.model_copy(update={"approvals": approvers}))
    ports = replace(s.ports, projects={"shop": shop, "blog": blog})
    deploys = Deploys(ports)
    record = deploys.freeze(ANA, "all", "an audit", "k")
    assert [[each.id for each in schedule.freezes(ports, name)] for name in ("shop", "blog")] == [[record], [record]]
    for project in (shop, blog):
        with pytest.raises(Refused, match="not a listed approver"):
            deploys.unfreeze(BO, project, "F-1 it is over")
    assert deploys.unfreeze(CY, shop, "F-1 it is over")


def test_the_calendar_of_two_weeks(stage: Opens) -> None:
    s = stage()
    s.announce("2026-11-28 10:00 for 2h disks")
    s.promotion()
    outlook = s.deploys.outlook(SAM, s.ports.projects["shop"])
    assert len(outlook.openings) == 15
    assert outlook.until - outlook.since == timedelta(days=14)
    assert [queued.id for queued in outlook.queue] == ["P-1"]

"""Every button, window and shortcut of incidents and reports in Slack, each delivered three times, done once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from handlers.subjects import vocabulary
from rehearsal.postgres import Postgres
from rehearsal.slack import Delivered, Message
from templates.incident.card import MORE
from tests.levers.other_sides import OtherSide
from tests.stories.house import ANA, BO, CY, ERIN, FEATURE, SAM, UNCHECKED
from tests.stories.test_incident import journal_of
from tests.stories.test_report import Desk

OURS = ("incident.", "report.", "measure.")
MENU = {f"{MORE} {word}" for word in ("command", "severity", "stop", "roles", "report")}
RULES = UNCHECKED.replace('approvers = ["S0DBAPPR1"]', f'approvers = ["S0DBAPPR1", "{BO}"]') + f"""
[incidents]
on_call = ["{ERIN}"]
[flags.SHOP_CHECKOUT]
kind = "manual"
steps = ["Turn it off"]
[flags.SHOP_SEARCH]
kind = "webhook"
url_env = "SEARCH_HOOK"
[revert]
kind = "manual"
"""


class Thrice(Desk):
    """A `Desk` at which everything that is pressed, submitted or picked arrives three times at once."""

    hook: OtherSide

    def presses(self, user: str, card: str, words: str, **more: Any) -> Delivered:
        return self.slack.press(user, self.card(card), words, **{"copies": 3, **more})

    def both(self, users: tuple[str, str], card: str, words: str) -> None:
        """Two people press the same button at the same moment, each three times."""
        seen = self.card(card)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda user: self.slack.press(user, seen, words, copies=3, stale=True), users))

    def window(self, user: str, title: str) -> str:
        view = self.until(
            lambda: v if (v := self.slack.modal(user)) and title in v.title else None, f"the window “{title}”",
        )
        return self.slack.text_of(view)

    def desk_of(self, user: str, inc: str) -> Message:
        """What `Report` beside its clock answers."""
        def shown() -> Message | None:
            return next((m for m in reversed(self.slack.ephemerals(user)) if "Fill in" in self.slack.text_of(m)), None)

        self.presses(user, inc, "Report")
        return self.until(shown, "the report's card")

    def kinds(self, record: str) -> Counter[str]:
        with journal_of(self) as journal:
            return Counter(entry.kind for entry in journal.entries(about=record))


@pytest.fixture
def desk(server: Postgres) -> Iterator[Thrice]:
    answer = {"before": "true", "message": "off for all"}
    with OtherSide(lambda asked: (200, answer)) as hook, Thrice(
        postgres=server, limits="off", environment={"SEARCH_HOOK": hook.url},
    ) as made:
        made.hook = hook
        made.write_policy(RULES)
        made.start_bot()
        yield made


def used(h: Thrice) -> set[str]:
    """What arrived three times: buttons by their id (a menu's line with its word), windows and shortcuts by theirs."""
    seen = Counter[tuple[str, str]]()
    for each in h.slack.deliveries:
        body = each.payload
        view, pressed = body.get("view") or {}, (body.get("actions") or [{}])[0]
        if body.get("type") == "view_submission":
            seen[view["callback_id"], view["id"] + view["hash"]] += 1
        elif body.get("type") == "message_action":
            seen[body["callback_id"], body["trigger_id"]] += 1
        elif pressed:
            word = str((pressed.get("selected_option") or {}).get("value", "::")).split(":")[1]
            seen[f"{pressed['action_id']} {word}".strip(), pressed["action_ts"]] += 1
    return {name for (name, _), copies in seen.items() if copies >= 3}


@pytest.mark.slow
def test_everything_that_can_be_pressed(desk: Thrice) -> None:
    h = desk
    _two_incidents_and_a_message_that_belongs_to_one(h)
    _led_switched_corrected(h)
    _resolved_by_two_and_reopened(h)
    _reported(h)
    _opened_from_a_promotion_that_stopped_half_way(h)
    words = vocabulary()
    every = {name for names in (words.actions, words.views, words.shortcuts) for name in names if name.startswith(OURS)}
    assert used(h) >= every - {MORE} | MENU


def _two_incidents_and_a_message_that_belongs_to_one(h: Thrice) -> None:
    h.opened(severity="SEV3")
    h.reads("INC-1", "Checkout fails")
    assert h.slack.notified(ERIN), "who is on call is mentioned"
    h.slack.say(SAM, "#general", "login is broken, too")
    sams = next(m for m in h.slack.messages("#general") if "login" in m.text)
    h.slack.shortcut(BO, "Open an incident", sams, copies=3)
    h.fills(BO, "Open an incident", severity="SEV4")
    h.reads("INC-2", "login is broken, too")
    h.thread_says("INC-2", "the message it was opened from")

    # Two are open: :pushpin: cannot know which one is meant, the shortcut asks
    h.slack.say(CY, "#general", "the session table is huge")
    cys = next(m for m in h.slack.messages("#general") if "session" in m.text)
    h.slack.say(CY, "#incidents", "which one is this?")
    h.slack.react(SAM, h.slack.messages("#incidents")[-1], "pushpin", copies=3)
    h.told(SAM, "Several incidents are open")
    h.slack.shortcut(SAM, "Add to incident", cys, copies=3)
    assert "the session table is huge" in h.window(SAM, "Add to an incident")
    h.fills(SAM, "Add to an incident", which="INC-2")
    h.told(SAM, "Added to INC-2")
    h.slack.shortcut(BO, "Add to incident", cys, copies=3)
    h.fills(BO, "Add to an incident", which="INC-2")
    h.told(BO, "It is in the timeline of INC-2 already")

    # Corrected where it stands
    h.slack.shortcut(CY, "Correct the timeline", cys, copies=3)
    h.fills(CY, "Correct the timeline", text="the session table has 40 M rows", key="yes")
    h.thread_says("INC-2", "@cy corrected an entry of the timeline")
    assert h.kinds("INC-2")["incident.noted"] == h.kinds("INC-2")["incident.corrected"] == 1
    with journal_of(h) as journal:
        texts = [journal.private(e.id) for e in journal.entries(about="INC-2") if e.private_hash]
    assert texts == ["the session table is huge", "the session table has 40 M rows"]
    h.slack.shortcut(SAM, "Correct the timeline", cys)
    h.told(SAM, "needs an operator")
    h.slack.command(BO, "/incident resolve INC-2 the session table was vacuumed", copies=3)
    h.reads("INC-2", "Fixed by: the session table was vacuumed")


def _led_switched_corrected(h: Thrice) -> None:
    h.both((BO, CY), "INC-1", "Take command")
    h.reads("INC-1", "commander @")
    h.until(lambda: "a moment before" in h.thread("INC-1") or any(
        "Somebody else took command" in h.slack.text_of(m) for user in (BO, CY) for m in h.slack.ephemerals(user)
    ), "the other to be told")      # in the thread, or in private
    h.presses(ERIN, "INC-1", "Take command")        # now a line of the menu
    h.reads("INC-1", "commander @erin")
    assert h.thread_says("INC-1", "@erin leads now").count("leads now") == 2
    h.presses(SAM, "INC-1", "Report")
    h.told(SAM, "its clock starts when it is resolved")
    h.presses(ERIN, "INC-1", "Roles")
    h.fills(ERIN, "Roles of INC-1", role="scribe", person=SAM)
    h.reads("INC-1", "scribe @sam")
    h.presses(ERIN, "INC-1", "Severity")
    h.fills(ERIN, "Severity of INC-1", severity="SEV2", why="it is everybody")
    h.reads("INC-1", "INC-1 · SEV2")
    h.reads("INC-1", "Promotions are frozen")
    h.presses(ERIN, "INC-1", "Update")
    h.fills(ERIN, "Update INC-1", text="The payment table is locked", status="Mitigating: it is being ended")
    h.reads("INC-1", "Mitigating")
    h.presses(ERIN, "INC-1", "Decide")
    h.fills(ERIN, "Decide INC-1", choice="hotfix", why="keys leak")
    h.reads("INC-1", "Decided: hotfix")
    for user in (ERIN, BO):                         # two windows for the same switch
        h.presses(user, "INC-1", "Stop the bleeding")
        h.window(user, "Stop the bleeding")
    for user in (ERIN, BO):
        h.fills(user, "Stop the bleeding", what="flag:SHOP_CHECKOUT:off")
    h.reads("INC-1", "SHOP_CHECKOUT → false: to be done by hand")
    h.presses(ERIN, "INC-1", "Stop the bleeding")
    h.fills(ERIN, "Stop the bleeding", what="flag:SHOP_SEARCH:off")
    h.reads("INC-1", "SHOP_SEARCH → false: in force since")
    h.presses(BO, "INC-1", "Stop the bleeding")
    h.fills(BO, "Stop the bleeding", what="flag:SHOP_SEARCH:off")
    h.told(BO, "SHOP_SEARCH was switched already; nothing is done twice")
    assert [(each.body["flag"], each.body["to"]) for each in h.hook.asked] == [("SHOP_SEARCH", "false")]
    h.both((ERIN, BO), "INC-1", "Done by hand")
    h.reads("INC-1", "SHOP_CHECKOUT → false: in force since")
    assert h.thread_says("INC-1", "SHOP_CHECKOUT to false: in force").count("SHOP_CHECKOUT to false: in force") == 1
    assert h.thread("INC-1").count("switches SHOP_CHECKOUT") == 1


def _resolved_by_two_and_reopened(h: Thrice) -> None:
    for user in (ERIN, BO):
        h.presses(user, "INC-1", "Resolve")
        h.window(user, "Resolve INC-1")
    for user in (ERIN, BO):
        h.fills(user, "Resolve INC-1", text="the lock was let go")
    h.reads("INC-1", "Fixed by: the lock was let go")
    h.both((ERIN, BO), "INC-1", "Reopen")
    h.thread_says("INC-1", "Reopened by")
    assert h.thread("INC-1").count("\nResolved by @") == 1
    assert h.thread("INC-1").count("Reopened by") == 1
    h.presses(ERIN, "INC-1", "Resolve")
    h.fills(ERIN, "Resolve INC-1", text="the lock was let go, for good")
    h.reads("INC-1", "for good")


def _reported(h: Thrice) -> None:
    h.reads("INC-1", "Report due")
    shown = h.desk_of(ERIN, "INC-1")
    h.slack.press(ERIN, shown, "Fill in", copies=3)
    h.fills(ERIN, "Report of INC-1", root_cause="A long transaction held the lock")
    h.told(ERIN, "Kept.")
    h.slack.press(ERIN, shown, "Hand over", copies=3)
    h.fills(ERIN, "Report of INC-1", who=BO)
    h.thread_says("INC-1", "the report of INC-1 is yours now, from @erin")
    h.slack.press(SAM, h.desk_of(SAM, "INC-1"), "Add a measure", copies=3)
    h.fills(SAM, "A measure of INC-1", what="Limit transactions", test="select true")
    h.reads("M-1", "Limit transactions, @sam")
    h.presses(BO, "M-1", "Accept the test")
    h.reads("M-1", "Its test runs at every promotion, accepted by @bo")
    h.presses(BO, "M-1", "Withdraw the test")
    h.fills(BO, "The test of", reason="it tests nothing")
    h.reads("M-1", "Its test was withdrawn: it tests nothing")
    done = re.search(r"\[(Done: [^\]]+)\]", h.reads("M-1", "[Done: "))
    assert done
    h.presses(SAM, "M-1", done[1])
    h.reads("M-1", "Every measure is done")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda seen: h.slack.press(seen[0], seen[1], "Publish", copies=3),
                      [(user, h.desk_of(user, "INC-1")) for user in (CY, BO)]))
    h.reads("INC-1", "Report published")
    assert h.kinds("INC-1")["report.published"] == 1
    assert h.thread_says("INC-1", "Report published by").count("Report published by") == 1


def _opened_from_a_promotion_that_stopped_half_way(h: Thrice) -> None:
    h.only(FEATURE)
    h.write("20261101123000_require_region.sql", "ALTER TABLE books ALTER COLUMN region SET NOT NULL;\n")
    with psycopg.connect(h.staging, autocommit=True) as staging:
        staging.execute("update books set region = 'EU' where region is null")
    card = h.ready_to_approve()
    h.presses(CY, card, "Approve")
    h.reads(card, "Stopped after 1 of 2: production has changed")
    h.both((ERIN, CY), card, "Open incident")
    for user in (ERIN, CY):
        h.fills(user, "Open an incident")
    h.told(CY, "INC-3")
    h.reads("INC-3", f"Trouble after {card}")
    said = h.thread_says("INC-3", "What changed in the last 24 h")
    assert f"Likely cause: {card}." in said
    assert f"{card} Production changed: 20261101120000 add_feature_xyz · " in said
    h.thread_says(card, "The incident INC-3 was opened from this")
    h.presses(BO, card, "Open incident")
    h.told(BO, f"INC-3 was opened from {card} already")
    h.presses(BO, card, "Resume")       # the freeze holds it until somebody decides that it is the way out
    h.reads("P-2", "F-3")
    with psycopg.connect(h.production, autocommit=True) as production:
        production.execute("update books set region = 'EU' where region is null")
    assert len(h.history()) == 2
    h.presses(BO, "INC-3", "Decide")
    h.fills(BO, "Decide INC-3", choice="forward fix", why="the rest has to go in", promotion="P-2")
    h.thread_says("INC-3", "Carried out by P-2, which the freeze of this incident lets pass")
    h.reads("P-2", "[I am here]")
    h.presses(ANA, "P-2", "I am here")
    h.reads("P-2", "Done · in production")
    h.reads("INC-3", "Promotions are frozen (F-3)")
    alarm = h.until(lambda: next((m for m in h.slack.messages("#incidents") if "stopped half-way" in
                                  h.slack.text_of(m)), None), "the alert about the same")
    h.slack.press(SAM, alarm, "Open incident", copies=3)
    assert "Is it one of these?\nINC-3" in h.window(SAM, "Open an incident")
    h.fills(SAM, "Open an incident", severity="SEV1")       # he does not believe it
    found = re.search(r"INC-\d+", h.told(SAM, " is open. Its card"))
    assert found
    again = found[0]
    h.reads(again, "Promotions are frozen")
    h.presses(CY, again, "Resolve")
    h.fills(CY, f"Resolve {again}", same="INC-3")
    h.reads(again, "Fixed by: the same as INC-3")
    assert h.thread_says("INC-3", f"{again} A promotion stopped half-way").count("is the same, says @cy") == 1
    assert "Report due" not in h.reads(again, "Closed")

"""The report of an incident from Slack and back: due, filled, published as three files; what follows; page and day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import httpx
import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.system_clock import SystemClock
from bot.domain.values import texts
from bot.scrub import Scrubber
from bot.settings import Settings
from bot.signing import Links
from rehearsal.postgres import Postgres
from rehearsal.slack import Message
from tests.stories.house import ANA, BO, CY, ERIN, SAM
from tests.stories.test_incident import RULES, Room


class Desk(Room):
    """A `Room` in which what follows from an incident has its card as well."""

    def card(self, record: str) -> Message:
        if not record.startswith("M-"):
            return super().card(record)
        for message in self.slack.messages("#incidents"):
            if not message.in_thread and f"{record} ·" in self.slack.text_of(message):
                return message
        raise LookupError(f"no card for {record} yet")


@pytest.fixture
def desk(server: Postgres) -> Iterator[Desk]:
    with Desk(postgres=server, limits="off", environment={"STAGEDOOR_URL": "https://stagedoor.example"}) as made:
        made.write_policy(RULES.replace('approvers = ["S0DBAPPR1"]', f'approvers = ["S0DBAPPR1", "{BO}"]'))
        made.start_bot()
        yield made


def test_a_report_is_due_filled_published_and_followed(desk: Desk) -> None:
    h = desk
    inc = h.opened(title="Checkout *fails* <!channel>", broken="Readers cannot pay", impact="every one", people="300")
    h.reads(inc, "Nobody leads yet")
    h.presses(ERIN, inc, "Take command")
    h.reads(inc, "commander @erin")
    card = h.card(inc)
    h.slack.say(SAM, "#incidents", "the index is gone, <b>all</b> of it", card.ts)
    h.presses(ERIN, inc, "Resolve")
    h.fills(ERIN, "Resolve INC-1", text="the index was built again")
    assert "(@erin)" in h.reads(inc, "Report due")
    h.thread_says(inc, "the report of INC-1 is due")
    h.thread_says(inc, "Slack's plan has no canvases here: reports are filled in through Report")

    # Filled in
    h.slack.command(ERIN, "/incident report INC-1", "#incidents", copies=3)
    said = h.told(ERIN, "Still missing: Root cause")
    shown = next(m for m in h.slack.ephemerals(ERIN) if "Still missing" in h.slack.text_of(m))
    h.slack.press(ERIN, shown, "Fill in", copies=3)
    h.fills(ERIN, "Report of INC-1", root_cause="An index was dropped\nby hand", lessons="Drop nothing by hand")
    h.told(ERIN, "Kept.")
    h.slack.press(ERIN, shown, "Add a measure")
    h.fills(ERIN, "A measure of INC-1", what="Revoke DDL from people", who=SAM,
            test="select count(*) > 0 from pg_indexes where tablename = 'books'")
    h.told(ERIN, "ACT-1 is added")

    # Published once, however often it is pressed
    h.slack.press(ERIN, shown, "Publish", copies=3)
    h.reads(inc, "Report published")
    h.until(lambda: "INC-1-report.json" in h.slack.transcript(), "the third file")
    text = h.thread(inc)
    assert text.count("Report published by @erin, version 1") == 1
    files = {file.name: file for file in h.slack.files()}
    assert {"INC-1-report.md", "INC-1-report.html", "INC-1-report.json"} <= set(files)
    assert "An index was dropped" in (files["INC-1-report.md"].content or b"").decode()
    assert "Erin Walsh" in (files["INC-1-report.html"].content or b"").decode()

    # What follows, and the test that every later promotion runs
    h.reads("M-1", "1 of 1 measures open")
    h.presses(ERIN, "M-1", "Accept the test")
    h.told(ERIN, "not a listed approver")
    h.presses(BO, "M-1", "Accept the test")
    h.reads("M-1", "Its test runs at every promotion, accepted by @bo")
    h.staged()
    h.says(ANA, "/migrate promote")
    h.reads("P-1", "Tests for what broke: 1 test of earlier incidents holds on both sides")
    h.presses(SAM, "M-1", "Done: ACT-1")
    h.reads("M-1", "Every measure is done")

    # The page without Slack, and the day
    assert "Read it as it stands" in said
    h.slack.command(SAM, "/incident report 24h", "#general")
    day = h.told(SAM, "The last 24 hours")
    assert "INC-1" in day
    assert "P-1" in day
    h.slack.command(ANA, "/migrate checklist", "#deploys")
    assert "Migration file created" in h.told(ANA, "Checklist of P-1")


@pytest.mark.slow
def test_a_page_opens_with_its_link_while_slack_is_away(desk: Desk) -> None:
    h = desk
    h.staged()
    h.says(ANA, "/migrate promote")
    h.reads("P-1", "Waiting for approval")
    settings = Settings.load(h.environment, None)
    url = Links(address=f"http://127.0.0.1:{h.bot_port}", secret=settings.link_key).to(
        "/promotions/P-1", datetime.now(UTC) + timedelta(hours=1),
    )
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert "Ana Petrov" in answer.text
    assert httpx.get(url.replace("P-1", "S-1")).status_code == 404


@pytest.mark.slow
def test_killed_before_each_reminder_each_is_told_once(server: Postgres) -> None:
    zones = {BO: "America/New_York", CY: "Europe/London", SAM: "Asia/Tokyo"}
    awake = next(who for who, zone in zones.items() if 9 <= datetime.now(ZoneInfo(zone)).hour < 20)
    timed = '[incidents]\nreport_due = "20s"\nreminders = ["14s", "7s", "0s"]\n'
    with Desk(postgres=server, limits="off") as h:
        h.write_policy(RULES.replace("[incidents]\n", timed))
        h.start_bot()
        inc = h.opened()
        h.reads(inc, "Nobody leads yet")
        h.presses(CY, inc, "Update")
        h.fills(CY, "Update INC-1", text="looking", next=int(time.time()) + 6)
        h.reads(inc, "Next update by")
        h.kill_bot()        # an update's reminder is as durable as a report's
        h.start_bot()
        said = h.thread_says(inc, "The next update was promised for")
        assert said.count("The next update was promised for") == 1
        h.presses(CY, inc, "Resolve")
        h.fills(CY, "Resolve INC-1", text="it went away")
        h.reads(inc, "Report due")
        if awake != CY:
            h.slack.command(CY, "/incident report INC-1", "#incidents")
            h.told(CY, "Still missing")
            shown = next(m for m in h.slack.ephemerals(CY) if "Still missing" in h.slack.text_of(m))
            h.slack.press(CY, shown, "Hand over")
            h.fills(CY, "Report of INC-1", who=awake)
            h.thread_says(inc, "is yours now")
        for _ in range(3):
            h.kill_bot()
            h.start_bot()
            h.until(partial(_reminded, h, reminders(h)), "the next reminder")
        h.until(lambda: overdue(h), "the report to be overdue")
        journal = SqliteJournal(h.store, SystemClock(), Scrubber(()))
        told = [entry.data["which"] for entry in journal.entries(about=inc) if entry.kind == "report.reminded"]
        journal.close()
        # A slow machine may have several come as one; none is lost and none is told twice.
        names = [name for which in told for name in texts(which)]
        assert len(names) == len(set(names)) == 3
        assert reminders(h) == len(told)


def reminders(h: Desk) -> int:
    return h.thread("INC-1").count("shows what is missing")


def overdue(h: Desk) -> bool:
    return "is overdue. It was due" in h.thread("INC-1")


def _reminded(h: Desk, before: int) -> bool:
    return reminders(h) > before or bool(overdue(h))

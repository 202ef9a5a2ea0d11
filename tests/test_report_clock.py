"""After an incident: its report is due and reminded of, filled, published once, and what follows from it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.pictures import DrawnPictures
from bot.domain.entry import Entry, Fact
from bot.domain.incident import Incident
from bot.domain.project import Environment
from bot.domain.record import Record, Status
from bot.domain.sighting import Batch, Severity, Sighting, Source
from bot.domain.values import texts
from bot.errors import Refused, Unknown
from bot.runbooks import follow, incident, notice
from bot.runbooks.walker import Walker
from bot.scrub import Scrubber
from bot.signing import Links
from bot.telling.digest import morning
from handlers.announcing.showing import Line
from handlers.conversation import Ask, Reply
from handlers.incidents.digest_view import DigestView
from handlers.incidents.report_desk import ReportDesk
from handlers.incidents.report_view import FollowView, WithReport
from templates.blocks import Message
from templates.blocks import notice as sentence
from templates.incident import report as words
from tests.deploying import Killed, Mortal
from tests.reporting_side import ANA, BO, ERIN, POLICY, SAM, Desk

RUNBOOKS = {
    "incident": incident.RUNBOOK,
    "follow": follow.RUNBOOK, "digest": notice.RUNBOOK,
}


class Bare:
    """An incident's rendering that shows nothing of its own."""

    def channel(self, record: Record) -> str:
        return "#incidents"

    def card(self, record: Record) -> Message:
        return sentence(f"{record.id}")

    def line(self, record: Record, entry: Entry) -> Line | None:
        return None


class After(Desk):
    """An incident that was just resolved, at 12:08 UTC on Monday, led by Erin in Berlin."""

    def __init__(self, folder: Path, policy: str = POLICY, **project: Any) -> None:
        super().__init__(folder, policy, **project)
        links = Links(address="https://stagedoor.example", secret=b"of this test")
        self.talk = ReportDesk(self.ports, Scrubber(("a-secret-of-the-settings",)), links)
        self.keys = 0

    def resolved(self, **more: Any) -> None:
        self.incident(stage="report", **more)
        self.note("INC-1", "incident.role", ERIN, role="commander", person=ERIN)
        self.walk()

    def walk(self, journal: Any = None) -> None:
        """Walk what is due, by a new walker, until nothing is."""
        ports = replace(self.ports, journal=journal or self.journal)
        for _ in range(20):
            due = self.journal.find(due_by=self.clock.now())
            for record in due:
                Walker(ports, RUNBOOKS).walk(record.id)
            if not [record for record in self.journal.find(due_by=self.clock.now()) if record.touched > record.folded]:
                return

    def at(self, when: str) -> None:
        moment = datetime.fromisoformat(when).replace(tzinfo=UTC)
        self.clock.forward(seconds=(moment - self.clock.now()).total_seconds())
        self.walk()

    def ask(self, user: str, name: str, value: str = "", **more: Any) -> Ask:
        self.keys += 1
        return Ask(
            key=f"key-{self.keys}", kind="action", name=name, user=user, team="T", channel="C1", value=value, **more,
        )

    def press(self, user: str, name: str, value: str = "INC-1") -> Reply:
        return self.kept(self.talk.subject().actions[name](self.ask(user, name, value)))

    def submit(self, user: str, name: str, metadata: str, fields: Mapping[str, str]) -> Reply:
        ask = self.ask(user, name, metadata=metadata, fields=dict(fields))
        assert not self.talk.subject().checks.get(name, lambda ask: {})(ask)
        return self.kept(self.talk.subject().views[name](ask))

    def kept(self, reply: Reply) -> Reply:
        self.journal.append(reply.facts, puts=reply.puts)
        self.walk()
        return reply

    def lines(self, *kinds: str) -> list[str]:
        record = self.journal.load("INC-1")
        assert record
        view = WithReport(Bare(), self.ports)
        drawn = [view.line(record, e) for e in self.journal.entries(about="INC-1") if not kinds or e.kind in kinds]
        return [str(line.message.text) for line in drawn if line]

    def card(self) -> str:
        record = self.journal.load("INC-1")
        assert record
        return str(WithReport(Bare(), self.ports).card(record).text)

    def page(self, user: str) -> str:
        """The last 24 hours, as somebody sees them."""
        message = self.talk.verb(self.ask(user, ""), ("24h",)).message
        assert message
        return str(message.text)

    def kinds(self, about: str, kind: str) -> list[Entry]:
        return [entry for entry in self.journal.entries(about=about) if entry.kind == kind]

    def measure(self, test: str = "") -> str:
        """Ana adds a measure for Sam; returns the record that follows it."""
        self.submit(ANA, words.ADDED, "INC-1", {
            words.WHAT: "Count orders each night", words.WHO: SAM, words.TEST: test,
            words.UNTIL: str(int(datetime(2026, 12, 10, 12, tzinfo=UTC).timestamp())),
        })
        return self.journal.find(kind="follow")[-1].id


@pytest.fixture
def after(tmp_path: Path) -> Iterator[Callable[..., After]]:
    made: list[After] = []

    def opened(policy: str = POLICY, **more: Any) -> After:
        made.append(After(tmp_path / str(len(made)), policy))
        made[-1].resolved(**more)
        return made[-1]

    (tmp_path / "0").mkdir()
    (tmp_path / "1").mkdir()
    yield opened
    for each in made:
        each.journal.close()


# The clock

TIMES = ("2026-11-23 20:00", "2026-11-24 08:08", "2026-11-24 11:08", "2026-11-24 12:08", "2026-11-25 12:08")


def test_the_report_is_due_a_day_after_the_resolution_and_the_card_says_so(after: Callable[..., After]) -> None:
    a = after()
    assert "Report due <!date^" in a.card()
    assert f"(<@{ERIN}>)" in a.card()
    [said] = a.lines("report.begun")
    assert said.startswith(f"<@{ERIN}>: the report of INC-1 is due")


def test_reminders_come_at_the_policys_times_out_of_the_owners_night_and_each_once(after: Callable[..., After]) -> None:
    a = after()
    for number, time in enumerate(TIMES):
        a.at(time)
        a.walk()
        assert len(a.kinds("INC-1", "report.reminded")) == number + 1, time
    given = [entry.data["which"] for entry in a.kinds("INC-1", "report.reminded")]
    assert given == [["12 h"], ["4 h"], ["1 h"], ["0 h"], ["+1 d"]]
    assert "is overdue. It was due" in a.lines("report.reminded")[3]
    assert "Report overdue: it was due" in a.card()


def test_what_was_missed_while_nobody_ran_is_told_once_and_as_one(after: Callable[..., After]) -> None:
    a = after()
    a.at("2026-11-24 11:30")
    assert [entry.data["which"] for entry in a.kinds("INC-1", "report.reminded")] == [["12 h", "4 h", "1 h"]]
    a.at("2026-11-24 23:00")     # midnight in Berlin: what was due at 12:08 comes now, what follows in the morning
    assert len(a.kinds("INC-1", "report.reminded")) == 2


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_killed_at_every_write_no_reminder_is_lost_or_doubled(after: Callable[..., After], writes: int) -> None:
    a = after()
    for time in TIMES:
        moment = datetime.fromisoformat(time).replace(tzinfo=UTC)
        a.clock.forward(seconds=(moment - a.clock.now()).total_seconds())
        with suppress(Killed):
            a.walk(Mortal(a.journal, writes))
        a.walk()
    names = [name for entry in a.kinds("INC-1", "report.reminded") for name in texts(entry.data["which"])]
    assert names == ["12 h", "4 h", "1 h", "0 h", "+1 d"]
    assert len(a.kinds("INC-1", "report.begun")) == 1


def test_it_can_be_handed_over_and_the_new_owners_night_counts(after: Callable[..., After]) -> None:
    a = after()
    a.submit(ERIN, words.HANDED, "INC-1", {words.WHO: SAM})
    assert f"<@{SAM}>: the report of INC-1 is yours now" in a.lines("report.owner")[0]
    a.at("2026-11-23 21:00")     # UTC is Sam's zone: 00:08 is night there, so 21:00 it is
    assert f"<@{SAM}>" in a.lines("report.reminded")[0]
    with pytest.raises(Refused, match="already"):
        a.submit(ERIN, words.HANDED, "INC-1", {words.WHO: SAM})


def test_an_owner_who_left_is_not_who_is_reminded(after: Callable[..., After]) -> None:
    a = after(POLICY + f'[incidents]\non_call = ["{BO}"]\n')
    a.gone.add(ERIN)
    a.at(TIMES[0])
    [said] = a.lines("report.reminded")
    assert said.startswith(f"<@{BO}>: the report of INC-1 is due")


def test_resolved_a_second_time_the_clock_starts_anew(after: Callable[..., After]) -> None:
    a = after()
    a.at(TIMES[0])
    a.note("INC-1", "incident.reopened", ERIN, why="it came back")
    a.at(TIMES[1])
    assert len(a.kinds("INC-1", "report.reminded")) == 1
    assert "Report due" not in a.card()
    a.note("INC-1", "incident.resolved", ERIN, fixed_by="for good")
    a.walk()
    assert len(a.kinds("INC-1", "report.begun")) == 2
    a.at("2026-11-25 07:09")        # due at 08:08; an hour before is 08:08 in Berlin
    assert a.kinds("INC-1", "report.reminded")[-1].data["which"] == ["12 h", "1 h"]


# Filling in and publishing

def test_two_people_fill_it_at_once_and_neither_loses_words(after: Callable[..., After]) -> None:
    a = after()
    seen: Any = a.press(ERIN, words.FILL).view
    assert seen
    metadata = str(seen["private_metadata"]).partition("@")[0]
    first = {field["element"]["action_id"]: field["element"].get("initial_value", "") for field in seen["blocks"]}
    a.submit(ERIN, words.FILLED, metadata, first | {"root_cause": "A column was dropped too early"})
    a.submit(BO, words.FILLED, metadata, first | {"lessons": "Drop columns a release later"})
    filled = Incident.of(a.journal.entries(about="INC-1")).draft.filled
    assert filled["root_cause"].text == "A column was dropped too early"
    assert (filled["lessons"].text, filled["lessons"].by) == ("Drop columns a release later", BO)
    a.submit(BO, words.FILLED, metadata, first | {"root_cause": "Nobody asked the app"})        # the same field
    filled = Incident.of(a.journal.entries(about="INC-1")).draft.filled
    assert filled["root_cause"].text == "A column was dropped too early\n\nNobody asked the app"


def test_publishing_freezes_the_bytes_posts_three_files_and_ends_it(after: Callable[..., After]) -> None:
    a = after()
    a.note("INC-1", "report.field", ERIN, field="root_cause", text="a-secret-of-the-settings was in it")
    answer = a.talk.show(a.ask(ERIN, ""), "INC-1").message
    assert answer
    assert "Still missing: What went well" in str(answer.text)
    assert "https://stagedoor.example/incidents/INC-1?until=" in str(answer.text)
    with pytest.raises(Refused, match="operator"):
        a.press(SAM, words.PUBLISH)
    a.press(ERIN, words.PUBLISH)
    record = a.journal.load("INC-1")
    assert record
    assert record.status is Status.ENDED
    view = WithReport(Bare(), a.ports)
    files = [line.file for e in a.journal.entries(about="INC-1") if (line := view.line(record, e)) and line.file]
    assert [file.filename for file in files] == [f"INC-1-report.{form}" for form in ("md", "html", "json")]
    assert "[secret] was in it" in str(files[0].content).replace("\\[", "[").replace("\\]", "]")
    a.note("INC-1", "report.field", ERIN, field="root_cause", text="Something else")
    assert files[0].content == a.ports.shelves.fetch(
        forms(a.kinds("INC-1", "report.published")[0])["md"]
    ).decode()
    assert "Report published" in a.card()
    a.press(ERIN, words.PUBLISH)
    with pytest.raises(Refused, match="Version 2 is published, and nothing was added since"):
        a.press(ERIN, words.PUBLISH)
    assert not a.kinds("INC-1", "report.reminded")


def test_where_errors_were_counted_the_report_draws_them(after: Callable[..., After]) -> None:
    a = after()
    a.ports = replace(a.ports, tallies=a.journal, pictures=DrawnPictures())
    a.talk = ReportDesk(a.ports, Scrubber(()))
    opened = a.kinds("INC-1", "incident.opened")[0].at
    a.journal.fold([Batch(sightings=[
        Sighting(
            project="shop", environment=Environment.PRODUCTION, source=Source.DATABASE, severity=Severity.ERROR,
            fingerprint="00ff", template="no such column", at=opened + timedelta(seconds=20 * number), mark=number,
        ) for number in range(9)
    ])])
    a.press(ERIN, words.PUBLISH)
    forms = a.kinds("INC-1", "report.published")[0].data["forms"]
    assert isinstance(forms, dict)
    assert a.ports.shelves.fetch(str(forms["png"])).startswith(b"\x89PNG")
    assert '<img src="data:image/png;base64,' in a.ports.shelves.fetch(str(forms["html"])).decode()
    assert "Errors per minute around it" in a.lines("report.attached")


def test_of_two_who_publish_at_once_one_does(after: Callable[..., After]) -> None:
    a = after()
    replies = []
    for user in (ERIN, BO):
        with suppress(Refused):
            replies.append(a.talk.subject().actions[words.PUBLISH](a.ask(user, words.PUBLISH, "INC-1")))
    [reply] = replies
    a.kept(reply)
    assert len(a.kinds("INC-1", "report.published")) == 1


def test_a_private_incident_has_no_report_for_others(after: Callable[..., After]) -> None:
    a = after()
    a.incident("INC-2", "A leaked key", private=True, channel="C0SECRET", stage="report")
    for verb in (words.FILL, words.PUBLISH, words.ADD):
        with pytest.raises(Unknown, match="There is no incident INC-2 that you can see"):
            a.press(SAM, verb, "INC-2")
    page = a.page(SAM)
    assert "INC-2* · shop · SEV2 · a private incident" in page
    assert "people" not in next(line for line in page.splitlines() if "INC-2" in line)
    with pytest.raises(Unknown):
        a.talk._aftermath.read(SAM, "INC-2", "C0OTHER")
    due = a.clock.now() + timedelta(hours=2)
    a.talk._aftermath.add(ERIN, "INC-2", "Rotate it", "", due, "", "k", "C0SECRET")
    record = a.journal.load(a.journal.find(kind="follow")[-1].id)
    assert record
    assert FollowView(a.ports).channel(record) == "C0SECRET"
    a.at("2026-11-26 12:00")
    page = a.page(SAM)
    assert "report overdue" in page
    assert "measure overdue" in page
    for private in ("leaked", "Rotate"):
        assert private not in page


# What follows

def test_measures_are_kept_in_sight_until_the_last_is_done(after: Callable[..., After]) -> None:
    a = after()
    m = a.measure()
    a.press(ERIN, words.PUBLISH)
    a.at("2026-12-07 12:00")
    a.at("2026-12-10 12:00")
    a.walk()
    said = a.kinds(m, "action.reminded")
    assert [(entry.data["id"], entry.data["which"], entry.data["overdue"]) for entry in said] == [
        ("ACT-1", ["72 h"], False), ("ACT-1", ["0 h"], True),
    ]
    record = a.journal.load(m)
    assert record
    line = FollowView(a.ports).line(record, said[1])
    assert line
    assert f"<@{SAM}>: ACT-1 is overdue" in str(line.message.text)
    reply = a.press(SAM, words.DONE, "INC-1:ACT-1")
    assert reply.wake == (m,)
    a.at("2026-12-11 12:00")
    ended = a.journal.load(m)
    assert ended
    assert ended.status is Status.ENDED
    assert "Every measure is done" in str(FollowView(a.ports).card(ended).text)
    with pytest.raises(Refused, match="done already"):
        a.press(SAM, words.DONE, "INC-1:ACT-1")


def test_a_measure_that_an_older_release_numbered_with_the_alerts_keeps_its_name(after: Callable[..., After]) -> None:
    a = after()
    a.journal.append((Fact(about="INC-1", kind="action.added", actor=ANA, data={
        "id": "A-7", "text": "Count them", "owner": SAM, "due": None, "assertion": "",
    }),))
    a.measure()
    a.press(SAM, words.DONE, "INC-1:A-7")
    a.press(SAM, words.DONE, "INC-1:ACT-1")
    draft = Incident.of(a.journal.entries(about="INC-1")).draft
    assert all((measure := draft.measure(id)) and measure.done_at for id in ("A-7", "ACT-1"))


def test_a_test_for_what_broke_runs_once_another_approver_accepted_it(after: Callable[..., After]) -> None:
    a = after()
    a.measure("select true;")
    assert a.journal.all("assertions") == {}
    for who in (ANA, SAM, ERIN):
        with pytest.raises(Refused, match="approver"):
            a.press(who, words.ACCEPT, "INC-1:ACT-1")
    a.press(BO, words.ACCEPT, "INC-1:ACT-1")
    assert a.journal.all("assertions")["shop:ACT-1"]["sql"] == "select true"
    a.submit(BO, words.WITHDRAWN, "INC-1:ACT-1", {words.REASON: "the table is gone"})
    assert a.journal.all("assertions") == {}


def test_a_private_incidents_test_tells_others_nothing_but_its_number(after: Callable[..., After]) -> None:
    a = after()
    a.incident("INC-2", private=True, channel="C0SECRET", stage="report")
    test = {"id": "A-9", "text": "Rotate the leaked key", "owner": "", "due": None, "assertion": "select true"}
    a.note("INC-2", "action.added", ERIN, **test)
    a.journal.put(a.talk._aftermath.accept(BO, "INC-2:A-9", "C0SECRET").puts)
    [doc] = a.journal.all("assertions").values()
    assert (doc["id"], doc["incident"], doc["text"]) == ("A-9", "INC-2", "a private measure")


# The day

def test_the_day_tells_of_everything_that_moved_and_nothing_older(after: Callable[..., After]) -> None:
    a = after()
    a.promoted("P-7")
    a.at("2026-11-24 11:00")
    text = a.page(SAM)
    assert "INC-1* · shop · SEV2 · Checkout fails for readers · resolved, about 300 people" in text
    assert "P-7* · shop · promotion of 20261101121500 add_subtitle · done" in text
    assert "Alerts: none" in text
    assert "report due 2026-11-24 12:08 UTC" in text
    a.at("2026-11-26 11:00")
    text = a.page(SAM)
    assert "P-7" not in text
    assert "Overdue" in text


def test_the_digest_comes_once_each_morning_whoever_dies(after: Callable[..., After]) -> None:
    a = after(POLICY + '[incidents]\ndigest = "08:00"\n')
    made: list[str] = []
    a.at("2026-11-24 07:59")
    before = len(a.journal.find(kind="digest"))
    for time in ("2026-11-24 08:00", "2026-11-24 08:01", "2026-11-24 20:00", "2026-11-25 09:30"):
        a.at(time)
        for _ in range(2):
            morning(a.ports, made.append)
    a.walk()
    digests = a.journal.find(kind="digest")
    assert len(digests) - before == len(made) == 2
    assert all(digest.status is Status.ENDED for digest in digests)
    assert "The last 24 hours, until" in str(DigestView(a.ports).card(digests[0]).text)


def forms(published: Entry) -> dict[str, str]:
    """The hash of each form of a published report."""
    found = published.data["forms"]
    assert isinstance(found, dict)
    return {form: str(sha256) for form, sha256 in found.items()}

"""An incident from Slack and back: opened, led, updated, decided, resolved, watched; each delivery three times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.system_clock import SystemClock
from bot.domain.incident import Incident
from bot.domain.notes import Note
from bot.scrub import Scrubber
from bot.settings import Settings
from bot.signing import Links
from rehearsal.postgres import Postgres
from rehearsal.slack import Message
from tests.stories.house import ANA, BO, CY, ERIN, POLICY, SAM, House

Opens = Callable[..., House]
RULES = POLICY.replace('duration = "1s"', 'duration = "1s"\nafter_incident = "2s"') + f"""
[incidents]
on_call = ["{ERIN}"]
[flags.VITE_ENABLE_MULTI_REGION]
kind = "manual"
"""


class Room(House):
    """A `House` whose cards are those of #incidents."""

    def card(self, record: str) -> Message:
        if not record.startswith("INC-"):
            return super().card(record)
        cards = [
            message for place in ("#incidents", *self.rooms) for message in self.slack.messages(place)
            if not message.in_thread and f"{record} ·" in self.slack.text_of(message)
        ]
        assert len(cards) <= 1, f"{len(cards)} cards for {record}"
        if not cards:
            raise LookupError(f"no card for {record} yet")
        return cards[0]

    rooms: tuple[str, ...] = ()

    def fills(self, user: str, window: str, **values: object) -> None:
        """The modal with this title, filled in; its submission is delivered three times."""
        self.until(lambda: (m := self.slack.modal(user)) and window in m.title and m, f"the modal “{window}”")
        self.slack.submit(user, values=values, copies=3)

    def opened(self, title: str = "Checkout fails", user: str = ANA, **values: object) -> str:
        self.slack.command(user, f"/incident open {title}", "#incidents", copies=3)
        self.fills(user, "Open an incident", **values)
        return "INC-1"


@pytest.fixture
def room(server: Postgres) -> object:
    with Room(postgres=server, limits="off") as made:
        made.write_policy(RULES)
        made.start_bot()
        yield made


@contextmanager
def journal_of(h: House) -> Iterator[SqliteJournal]:
    """The bot's own journal, read beside it."""
    journal = SqliteJournal(h.store, SystemClock(), Scrubber(()))
    yield journal
    journal.close()


def test_opened_led_updated_decided_resolved_and_closed(room: Room) -> None:
    h = room
    inc = h.opened(severity="SEV2: An important part fails for many people", broken="Readers cannot pay",
                   impact="every checkout", people="300", actions="looked at the logs")
    h.told(ANA, "INC-1 is open")
    text = h.reads(inc, "INC-1 · SEV2 · Checkout fails")
    assert "Nobody leads yet. On call: @erin" in text
    assert "about 300 people affected" in text
    h.until(lambda: h.card(inc).pinned, "the card to be pinned")
    h.thread_says(inc, "Done so far: looked at the logs")
    h.thread_says(inc, "What changed in the last 24 h")
    h.reads(inc, "Promotions are frozen (F-1)")
    h.reads("F-1", "INC-1: Checkout fails")
    h.presses(SAM, inc, "Take command")
    h.told(SAM, "needs an operator")
    h.presses(ERIN, inc, "Take command", copies=3)
    h.reads(inc, "commander @erin")
    assert h.thread_says(inc, "@erin leads now").count("@erin leads now") == 1
    h.presses(ERIN, inc, "Update")
    h.fills(ERIN, "Update INC-1", text="The payment table is locked", status="Mitigating: it is being ended")
    h.reads(inc, "Mitigating · commander @erin")
    h.reads(inc, "Next update by")
    h.presses(ERIN, inc, "Decide")
    h.fills(ERIN, "Decide INC-1", choice="rollback", why="the app is broken")
    h.reads(inc, "Decided: rollback")
    h.presses(ERIN, inc, "Stop the bleeding")
    h.fills(ERIN, "Stop the bleeding", what="flag:VITE_ENABLE_MULTI_REGION:off")
    h.reads(inc, "VITE_ENABLE_MULTI_REGION → false: to be done by hand")
    h.presses(ERIN, inc, "Done by hand")
    h.reads(inc, "VITE_ENABLE_MULTI_REGION → false: in force since")
    h.presses(ERIN, inc, "Severity")
    h.fills(ERIN, "Severity of INC-1", severity="SEV3", why="only some")
    h.reads("F-1", "Lifted by Stagedoor: INC-1 is SEV3 now")
    h.presses(ERIN, inc, "Resolve")
    h.fills(ERIN, "Resolve INC-1", text="the flag is off")
    h.reads(inc, "Fixed by: the flag is off")
    h.reads(inc, "Closed")
    h.until(lambda: not h.card(inc).pinned, "the pin to be gone")
    said = h.thread_says(inc, "Closed: the watch is over, nothing new was seen")
    for once in ("Update by @erin", "Decided: rollback", "Resolved by @erin", "SEV2 → SEV3"):
        assert said.count(once) == 1, once
    h.presses(ERIN, inc, "Reopen")
    h.reads(inc, "Investigating · commander @erin")
    h.slack.command(BO, "/incident list checkout", "#incidents")
    h.told(BO, "INC-1 SEV3 investigating · Checkout fails")


@pytest.mark.slow
def test_the_timeline_follows_slack(room: Room) -> None:
    h = room
    inc = h.opened()
    card = h.until(lambda: h.card(inc), "the card")
    h.slack.say(BO, "#incidents", "it began after the index <b> was dropped", card.ts, copies=3,
                image=("graph.png", b"\x89PNG not really"))
    h.slack.say(CY, "#incidents", "oops, wrong thread", card.ts)
    bos, cys = [
        next(m for m in h.slack.thread(card) if words in m.text) for words in ("it began", "oops")
    ]
    h.slack.edit_message(bos, "it began after the index was dropped at nine", copies=3)
    h.slack.delete_message(cys, copies=3)
    for user in (ANA, BO, CY):
        h.slack.react(user, bos, "pushpin", copies=3)
    h.slack.say(SAM, "#deploys", "the CDN is slow too")
    sams = next(m for m in h.slack.messages("#deploys") if "CDN" in m.text)
    h.slack.shortcut(SAM, "Add to incident", sams, copies=3)
    h.told(SAM, "Added to INC-1")
    h.slack.edit_message(sams, "the CDN is slow as well", copies=3)
    h.slack.command(ANA, '/incident note INC-1 "the bank\'s side is fine"', "#general")
    h.told(ANA, "Noted in INC-1")
    h.slack.mention(CY, "#incidents", "incident note looks like the index", card.ts)
    h.slack.mention(BO, "#deploys", "for INC-1: the pool is full", copies=3)
    h.told(BO, "Noted in INC-1")
    journal = SqliteJournal(h.store, SystemClock(), Scrubber(()))

    def notes() -> dict[str, Note] | None:
        found = Incident.of(journal.entries(about=inc)).timeline()
        if len(found) < 6 or not any(len(n.marked) == 3 and len(n.versions) == 2 for n in found):
            return None
        if sum(n.edited for n in found) < 2:
            return None
        return {(journal.private(n.text_of) if n.text_of else "") or "": n for n in found}

    texts = h.until(notes, "six notes, one of them marked by three")
    journal.close()
    assert set(texts) == {
        "it began after the index was dropped at nine", "", "the CDN is slow as well", "the bank's side is fine",
        next(text for text in texts if "looks like the index" in text),
        next(text for text in texts if "the pool is full" in text),
    }
    note = texts["it began after the index was dropped at nine"]
    assert note.edited
    assert note.author == BO
    assert note.sources == {"thread", "pin"}
    assert f"/archives/{card.channel}/p" in note.permalink
    assert [(file.name, bool(file.sha256)) for file in note.files] == [("graph.png", True)]
    assert texts[""].deleted


@pytest.mark.slow
def test_what_was_said_while_nobody_listened_is_not_lost(room: Room) -> None:
    h = room
    inc = h.opened()
    card = h.until(lambda: h.card(inc), "the card")
    h.until(lambda: "What changed" in h.thread(inc), "the thread")
    h.kill_bot()
    h.slack.say(BO, "#incidents", "the first clue", card.ts)
    h.slack.say(CY, "#incidents", "a slip", card.ts)
    h.slack.edit_message(next(m for m in h.slack.thread(card) if "clue" in m.text), "the very first clue")
    for message in h.slack.workspace.messages:      # as if half a minute had gone by
        if message.in_thread and not message.by_bot:
            message.ts = f"{float(message.ts) - 30:.6f}"
    h.restart()
    with journal_of(h) as journal:
        def said() -> bool:
            notes = Incident.of(journal.entries(about=inc)).timeline()
            return [journal.private(note.text_of) for note in notes] == ["the very first clue", "a slip"]

        h.until(said, "both to be noted")
    assert h.slack.thread(card)[-1].text != "What changed"
    assert len([m for m in h.slack.messages("#incidents") if not m.in_thread]) == 1


@pytest.mark.slow
def test_faults_in_the_middle_of_an_incident(room: Room) -> None:
    h = room
    h.slack.command(BO, "/incident open Login fails", "#incidents")
    h.fills(BO, "Open an incident", title="Login fails", severity="SEV3")
    inc = "INC-1"
    h.reads(inc, "Login fails")
    first = h.card(inc)
    h.presses(BO, inc, "Take command")
    h.reads(inc, "commander @bo")
    h.slack.press(CY, first, "Take command", stale=True)           # the old card still showed that nobody leads
    h.told(CY, "Somebody else took command of INC-1 just now")
    h.slack.deactivate("bo")
    h.presses(CY, inc, "Take command")
    h.reads(inc, "commander @cy")
    h.thread_says(inc, "@cy leads now")
    h.slack.troubles.failing(times=12, status=503)
    h.presses(CY, inc, "Severity")
    page = Links(address=f"http://127.0.0.1:{h.bot_port}", secret=Settings.load(h.environment, None).link_key)
    shown = httpx.get(page.to("/incidents/INC-1", datetime.now(UTC) + timedelta(hours=1)))     # while Slack is away
    assert "Login fails" in shown.text
    assert "Commander: Cy Okafor" in shown.text
    h.slack.delete_message(h.card(inc))
    h.slack.command(CY, "/incident resolve INC-1 the session table was vacuumed", "#incidents")
    again = h.until(lambda: next((m for m in h.slack.messages("#incidents") if "Fixed by: the session table" in
                                  h.slack.text_of(m)), None), "a new card", 60)
    assert "Takes the place of an earlier message" in h.slack.text_of(again)


@pytest.mark.slow
def test_a_private_incident_stays_in_its_channel(room: Room) -> None:
    h = room
    secret = h.slack.add_channel("sec-leak", private=True)
    h.rooms = ("#sec-leak",)
    inc = h.opened("Keys leaked", severity="SEV1", room=secret.id)
    h.told(ANA, "Its card is in the private channel")
    text = h.reads(inc, "Keys leaked")
    assert "private" in text
    assert h.card(inc).channel == secret.id
    h.reads("F-1", "INC-1: a private incident")
    h.slack.command(SAM, "/incident list leaked", "#incidents")
    h.told(SAM, "No incident says all of “leaked”")
    h.slack.command(SAM, "/incident note INC-1 hello", "#incidents")
    h.told(SAM, "There is no incident INC-1 that you can see")
    assert not any("leaked" in h.slack.text_of(m) for place in ("#incidents", "#deploys", "#general")
                   for m in h.slack.messages(place))
    h.slack.command(ERIN, "/incident list leaked", "#incidents")
    h.told(ERIN, "Keys leaked")


@pytest.mark.slow
def test_opened_from_an_alert_once(room: Room) -> None:
    h = room
    h.until(lambda: h.shelf("ground"), "the first look")
    h.production_run("alter table public.books add column isbn text")

    def alert() -> Message | None:
        return next((m for m in h.slack.messages("#incidents") if "without a promotion" in h.slack.text_of(m)), None)

    h.slack.press(ERIN, h.until(alert, "the alert"), "Open incident")
    h.fills(ERIN, "Open an incident", severity="SEV3")
    assert "Broken: " in h.reads("INC-1", "Production changed without a promotion")
    h.until(lambda: "Incident INC-1" in h.slack.text_of(alert() or h.card("INC-1")), "the alert to name its incident")
    assert "[Open incident]" not in h.slack.text_of(h.until(alert, "the alert"))


@pytest.mark.slow
def test_an_archived_channel_does_not_stop_the_incident(room: Room) -> None:
    h = room
    inc = h.opened()
    h.until(lambda: "What changed" in h.thread(inc), "the thread")
    h.slack.archive("#incidents")
    h.slack.command(CY, "/incident note INC-1 the channel is gone", "#deploys")
    h.told(CY, "Noted in INC-1")
    h.slack.command(CY, "/incident resolve INC-1 rolled back", "#deploys")
    h.told(CY, "INC-1 is resolved")
    h.reads("F-1", "Lifted by Stagedoor: INC-1 is resolved")
    h.slack.command(CY, "/incident list", "#deploys")
    h.told(CY, "fixed by: rolled back")
    with journal_of(h) as journal:
        h.until(lambda: any(entry.kind == "announcer.unable" for entry in journal.entries(about=inc)), "it to be noted")

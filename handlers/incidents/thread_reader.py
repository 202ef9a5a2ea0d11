"""Reads the threads of incidents now and then: what Slack could not deliver while nobody listened is not lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.domain.entry import Fact
from bot.domain.incident import CLOSED, Incident
from bot.domain.record import Status
from bot.errors import StagedoorError
from bot.ports import Put
from bot.world import Ports
from handlers.announcing import showing
from handlers.door.deliveries import unescaped
from handlers.incidents.timeline import SAID, noted
from handlers.slack.slack_in import SlackIn

EVERY = timedelta(seconds=60)
OVERLAP = timedelta(minutes=10)
"""So much of what was read before is read again: an edit or a deletion may have been missed as well."""

SETTLES = timedelta(seconds=20)
"""A younger message is most likely being delivered at this moment."""

SHELF = "threads-read"

log = structlog.get_logger(__name__)


class ThreadReader:
    """Compares the thread in Slack with the timeline and notes the difference; the same facts twice are the same."""

    def __init__(self, ports: Ports, reading: SlackIn, bot: str) -> None:
        self._ports, self._reading, self._bot = ports, reading, bot
        self._next: datetime | None = None
        self._known: set[str] = set()

    def read(self) -> datetime | None:
        """Read every thread of an incident that goes on; says when it wants to be called again."""
        if self._next and self._ports.clock.now() < self._next:
            return self._next
        self._next = self._ports.clock.now() + EVERY
        for record in self._ports.journal.find(kind="incident", status=Status.LIVE):
            shown = showing.load(self._ports.shelves, record.id)
            if not shown.ts:
                continue
            incident = Incident.of(self._ports.journal.entries(about=record.id))
            if incident.status == CLOSED and self._ports.shelves.get(SHELF, f"{record.id}:closed"):
                continue
            try:
                self._compared(incident, shown.channel, shown.ts)
            except StagedoorError as trouble:
                log.info("a thread was not read", record=record.id, why=str(trouble))
        return self._next

    def _compared(self, incident: Incident, channel: str, thread: str) -> None:
        now = self._ports.clock.now()
        before = self._ports.shelves.get(SHELF, incident.id)
        since = datetime.fromisoformat(str(before["to"])) - OVERLAP if before else None
        oldest = f"{since.timestamp():.6f}" if since else "0"
        messages = self._reading.thread(channel, thread, oldest)
        if messages is None:
            return      # the thread is gone; what is noted stays
        told = [each for each in messages if self._is_said(each) and _at(each) < now - SETTLES]
        facts = [*self._missing(incident, channel, told), *self._taken_away(incident, channel, messages, oldest)]
        puts = [Put(shelf=SHELF, key=incident.id, doc={"to": now.isoformat()})]
        if incident.status == CLOSED:
            puts.append(Put(shelf=SHELF, key=f"{incident.id}:closed", doc={}))
        self._ports.journal.append(facts, puts=puts)
        for author in {note.author for note in incident.timeline()} - self._known:
            self._known.add(author)
            with suppress(StagedoorError):      # so that pages and reports can name them, also without Slack
                self._ports.people.find(author)
        if facts:
            log.info("a thread had more than was delivered", record=incident.id, facts=len(facts))
            self._ports.wake(incident.id)

    def _missing(self, incident: Incident, channel: str, messages: Sequence[Mapping[str, Any]]) -> list[Fact]:
        facts = []
        for message in messages:
            ref = f"{channel}:{message['ts']}"
            note = incident.notes.by_ref.get(ref)
            edited = message.get("edited")
            version = str(edited["ts"]) if isinstance(edited, dict) and edited.get("ts") else str(message["ts"])
            if note is None or "thread" not in note.sources:
                facts.append(noted(self._reading, incident.id, channel, message, "thread"))
            elif version not in {each.stamp for each in note.versions}:
                facts.append(Fact(
                    about=incident.id, kind="incident.edited", actor=note.author or "slack",
                    data={"entry": ref, "version": version}, private=unescaped(str(message.get("text") or "")),
                ))
        return facts

    def _taken_away(
        self, incident: Incident, channel: str, messages: Sequence[Mapping[str, Any]], oldest: str,
    ) -> list[Fact]:
        """Notes of this thread, from the part that was read, whose message is not there any more."""
        there = {f"{channel}:{each['ts']}" for each in messages if each.get("subtype") != "tombstone"}
        since = datetime.fromtimestamp(float(oldest), UTC)
        return [
            Fact(about=incident.id, kind="incident.redacted", actor=note.author or "slack", data={"entry": note.ref})
            for note in incident.timeline()
            if "thread" in note.sources and not note.deleted and note.ref not in there
            and note.ref.startswith(f"{channel}:") and note.at and note.at > since
        ]

    def _is_said(self, message: Mapping[str, Any]) -> bool:
        return (message.get("subtype") or "") in SAID and message.get("user") != self._bot


def _at(message: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(message["ts"]), UTC)

"""How an incident is shown: its channel, its card (pinned while it goes on) and the lines of its thread."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.entry import Entry
from bot.domain.incident import Incident
from bot.domain.record import Record, Status
from bot.world import Ports
from handlers.announcing.announcer import Line
from templates.blocks import Message
from templates.incident.card import incident_card
from templates.incident.thread import TOLD, Told, incident_line

ALONE = frozenset({"incident.overdue", "incident.told", "incident.watch_saw", "incident.reopened", "incident.update"})
"""Lines that somebody has to see by themselves."""


class IncidentView:
    """Draws incidents. `more` are further lines of the card's overflow menu: text and word."""

    def __init__(self, ports: Ports, more: Sequence[tuple[str, str]] = ()) -> None:
        self._ports = ports
        self._more = tuple(more)
        # What was folded so far: the announcer's one thread alone asks.
        self._cards: dict[str, tuple[int, Incident]] = {}
        self._lines: dict[str, tuple[int, Incident]] = {}

    def channel(self, record: Record) -> str:
        incident = self._incident(record)
        if incident.private and incident.channel:
            return incident.channel
        return self._ports.projects[record.project].policy.channels.incidents

    def card(self, record: Record) -> Message:
        return incident_card(record, self._incident(record), self._on_call(record), self._more)

    def pinned(self, record: Record) -> bool:
        """Whether the card belongs to the channel's pins now."""
        return record.status is Status.LIVE and self._incident(record).closed_at is None

    def line(self, record: Record, entry: Entry) -> Line | None:
        if entry.kind not in TOLD:
            return None
        seq, before = self._lines.get(record.id, (0, None))
        if before is None or seq >= entry.seq:
            seq, before = 0, None
        earlier = [each for each in self._ports.journal.entries(about=record.id, since=seq) if each.seq < entry.seq]
        before = before.after(earlier) if before else Incident.of(earlier or [entry])
        now = before.after([entry])
        self._lines[record.id] = (entry.seq, now)
        message = incident_line(Told(entry=entry, before=before, incident=now, on_call=self._on_call(record)))
        return Line(message=message, alone=entry.kind in ALONE) if message else None

    def _incident(self, record: Record) -> Incident:
        """As it stands now; only what is new is read, since a thread may hold thousands of messages."""
        seq, known = self._cards.get(record.id, (0, None))
        new = list(self._ports.journal.entries(about=record.id, since=seq))
        incident = known.after(new) if known else Incident.of(new)
        self._cards[record.id] = (new[-1].seq if new else seq, incident)
        if record.status is Status.ENDED:
            self._cards.pop(record.id, None)
        return incident

    def _on_call(self, record: Record) -> tuple[str, ...]:
        return self._ports.projects[record.project].policy.incidents.on_call

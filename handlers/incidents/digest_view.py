"""How the report of a day is shown: one message, without a thread."""

from __future__ import annotations

from datetime import datetime

from bot.domain.entry import Entry
from bot.domain.record import Record
from bot.reporting.day import day
from bot.world import Ports
from handlers.announcing.announcer import Line
from templates.blocks import Message
from templates.incident.day import day_card


class DigestView:
    """Draws digests as of the moment that they are about."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.incidents

    def card(self, record: Record) -> Message:
        first = next(iter(self._ports.journal.entries(about=record.id)))
        projects = first.data.get("projects")
        names = [str(name) for name in projects] if isinstance(projects, list) else []
        until = datetime.fromisoformat(str(first.data["until"]))
        return day_card(day(self._ports.journal, names, until), record.id)

    def line(self, record: Record, entry: Entry) -> Line | None:
        return None

"""How a notice is shown: one message, without a thread."""

from __future__ import annotations

from bot.domain.entry import Entry
from bot.domain.record import Record
from bot.world import Ports
from handlers.announcer import Line
from templates.blocks import Message
from templates.notice import policy_changed


class NoticeView:
    """Draws notices of a changed policy."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.deploys

    def card(self, record: Record) -> Message:
        first = next(iter(self._ports.journal.entries(about=record.id)))
        changes = first.data.get("changes")
        return policy_changed(record.id, [str(change) for change in changes] if isinstance(changes, list) else [])

    def line(self, record: Record, entry: Entry) -> Line | None:
        return None

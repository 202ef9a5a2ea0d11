"""How a notice is shown: one message, without a thread."""

from __future__ import annotations

from bot.domain.entry import Entry
from bot.domain.record import Record
from bot.domain.values import texts
from bot.world import Ports
from handlers.announcing.announcer import Line
from templates.blocks import Message
from templates.notice import logs_unseen, names_unknown, policy_changed


class NoticeView:
    """Draws notices about the policy and about logs that nobody saw."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        channels = self._ports.projects[record.project].policy.channels
        first = next(iter(self._ports.journal.entries(about=record.id)))
        return channels.incidents if first.kind == "logs.gap" else channels.deploys

    def card(self, record: Record) -> Message:
        first = next(iter(self._ports.journal.entries(about=record.id)))
        if first.kind == "policy.unknown":
            return names_unknown(record.id, texts(first.data.get("names")))
        if first.kind == "logs.gap":
            return logs_unseen(record.id, record.project, {key: str(value) for key, value in first.data.items()})
        return policy_changed(record.id, texts(first.data.get("changes")))

    def line(self, record: Record, entry: Entry) -> Line | None:
        return None

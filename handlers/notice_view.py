"""How a notice is shown: one message, without a thread."""

from __future__ import annotations

from bot.domain.entry import Entry
from bot.domain.record import Record
from bot.domain.values import texts
from bot.world import Ports
from handlers.announcing.announcer import Line
from templates.blocks import Message
from templates.notice import channel_closed, logs_unseen, names_unknown, policy_changed


class NoticeView:
    """Draws notices about the policy, about logs that nobody saw, and about a channel that takes nothing."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        channels = self._ports.projects[record.project].policy.channels
        first = next(iter(self._ports.journal.entries(about=record.id)))
        elsewhere = first.kind == "channel.closed" and first.data.get("channel") == channels.deploys
        return channels.incidents if elsewhere or first.kind == "logs.gap" else channels.deploys

    def card(self, record: Record) -> Message:
        first = next(iter(self._ports.journal.entries(about=record.id)))
        if first.kind == "policy.unknown":
            return names_unknown(record.id, texts(first.data.get("names")))
        if first.kind == "logs.gap":
            return logs_unseen(record.id, record.project, {key: str(value) for key, value in first.data.items()})
        if first.kind == "channel.closed":
            return channel_closed(record.id, {key: str(value) for key, value in first.data.items()})
        return policy_changed(record.id, texts(first.data.get("changes")))

    def line(self, record: Record, entry: Entry) -> Line | None:
        return None

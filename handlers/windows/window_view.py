"""How a deploy window and a freeze are shown: channel, card and thread lines, from their entries."""

from __future__ import annotations

from bot.domain.entry import Entry
from bot.domain.record import Record, Status
from bot.domain.window import Announced, Freeze, Queued
from bot.windows import schedule
from bot.world import Ports
from handlers.announcing.announcer import Line
from templates.blocks import Message
from templates.window.card import freeze_card, freeze_line, window_card, window_line


class WindowView:
    """Draws windows, with what waits for them now."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.deploys

    def card(self, record: Record) -> Message:
        window = Announced.of(self._ports.journal.entries(about=record.id))
        live = record.status is Status.LIVE
        closed = schedule.closed_within(self._ports, record.project, window.span) if live else None
        return window_card(record, window, self._queue(record, window) if live else (), closed)

    def line(self, record: Record, entry: Entry) -> Line | None:
        window = Announced.of(self._ports.journal.entries(about=record.id))
        over = entry.kind == "walk.ended"
        queue = schedule.queue(self._ports, record.project) if over else self._queue(record, window)
        message = window_line(window, entry, queue)
        return Line(message=message, alone=bool(queue)) if message else None

    def _queue(self, record: Record, window: Announced) -> tuple[Queued, ...]:
        """What is meant for this window; while it is open, also what is going in."""
        every = schedule.queue(self._ports, record.project)
        opened = record.stage == "opened"
        return tuple(
            each for each in every
            if (each.opens is not None and window.span.holds(each.opens)) or (opened and each.running)
        )


class FreezeView:
    """Draws freezes."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.deploys

    def card(self, record: Record) -> Message:
        return freeze_card(record, Freeze.of(self._ports.journal.entries(about=record.id)))

    def line(self, record: Record, entry: Entry) -> Line | None:
        message = freeze_line(Freeze.of(self._ports.journal.entries(about=record.id)), entry)
        return Line(message=message) if message else None

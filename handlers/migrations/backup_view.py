"""How a backup is shown: its own message where a person asked for it or a nightly one failed, otherwise none."""

from __future__ import annotations

from bot.domain.backup import ASKED, NIGHTLY, Backup
from bot.domain.entry import Entry
from bot.domain.record import Record, Status
from bot.world import Ports
from handlers.announcing.announcer import Line
from templates.backup.card import backup_card, backup_ended
from templates.blocks import Message


class BackupView:
    """Draws backups. Those of promotions are told on the promotion's card."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def channel(self, record: Record) -> str:
        backup = self._read(record)
        failed = record.status is Status.ENDED and backup.verdict != "done"
        if backup.cause == ASKED or (backup.cause == NIGHTLY and failed):
            return self._ports.projects[record.project].policy.channels.deploys
        return ""

    def card(self, record: Record) -> Message:
        return backup_card(record, self._read(record), self._ports.shelves.get("progress", record.id) or {})

    def line(self, record: Record, entry: Entry) -> Line | None:
        backup = self._read(record)
        message = backup_ended(backup) if entry.kind == "walk.ended" else None
        return Line(message=message, alone=True) if message else None

    def _read(self, record: Record) -> Backup:
        return Backup.of(self._ports.journal.entries(about=record.id))

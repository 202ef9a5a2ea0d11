"""How a rollback is shown: its card and thread, with the new migration as a file."""

from __future__ import annotations

from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.world import Ports
from handlers.announcing.announcer import Line, Upload
from handlers.migrations.history import History
from handlers.migrations.promotion_view import PromotionView
from templates.blocks import Message, line, notice
from templates.promotion.sight import Sight
from templates.rollback.card import rollback_card
from templates.rollback.thread import ALONE, told


class RollbackView:
    """Draws rollbacks."""

    def __init__(self, ports: Ports, promotions: PromotionView) -> None:
        self._ports = ports
        self._promotions = promotions
        self._history = History(ports)

    def channel(self, record: Record) -> str:
        return self._promotions.channel(record)

    def card(self, record: Record) -> Message:
        entries = list(self._ports.journal.entries(about=record.id))
        rollback = Promotion.of(entries)
        return rollback_card(Sight(
            record=record, promotion=rollback, progress=self._ports.shelves.get("progress", record.id) or {},
            head_hash=entries[-1].hash if rollback.ending else "", rows_of=self._rows_of(rollback),
        ))

    def _rows_of(self, rollback: Promotion) -> str:
        """The promotion that it took back, where rows were kept of what that one destroyed."""
        of = rollback.rolling.of if rollback.rolling and rollback.ending else ""
        return of if of and Promotion.of(self._ports.journal.entries(about=of)).keeps else ""

    def line(self, record: Record, entry: Entry) -> Line | None:
        so_far = self._history.after(record.id, entry.seq)
        if so_far is None:
            return None
        if entry.kind in ("promotion.requested", "rollback.planned"):
            [(name, sql)] = self._promotions.sql(so_far)
            text = "The new migration that takes it back is this file." if entry.kind == "promotion.requested" else (
                "Production moved, so the plan was made anew, and words given before no longer count. This is its file."
            )
            return Line(message=notice(line(text)), file=Upload(filename=name, title=name, content=sql))
        before = self._history.after(record.id, entry.seq - 1)
        if entry.kind == "rollback.word" and before == so_far:
            return None
        message = told(so_far, entry)
        return Line(message=message, alone=entry.kind in ALONE) if message else None

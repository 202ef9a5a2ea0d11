"""How a promotion or a staging run is shown: channel, card and thread lines, from its entries."""

from __future__ import annotations

from bot import schedule
from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.roles import required_approvals
from bot.scrub import Scrubber
from bot.world import Ports
from handlers.announcer import Line, Upload
from templates.baseline import baseline_card
from templates.blocks import Message, line, notice
from templates.promotion import Sight, card, long_sql
from templates.promotion_thread import needs_somebody, told

WAITING = ("approval", "window")

SAID_ONCE = frozenset({"promotion.ticked", "promotion.approved"})
"""Words that count once for each person: two presses at the same moment are two entries and one line."""


class PromotionView:
    """Draws promotions; both kinds of record look alike."""

    def __init__(self, ports: Ports, scrub: Scrubber) -> None:
        self._ports = ports
        self._scrub = scrub

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.deploys

    def card(self, record: Record) -> Message:
        entries = list(self._ports.journal.entries(about=record.id))
        promotion = Promotion.of(entries)
        policy = self._ports.project_of(record.project, promotion.terms).policy
        draw = baseline_card if record.kind == "baseline" else card
        return draw(
            Sight(
                record=record,
                promotion=promotion,
                required=required_approvals(promotion.plan, policy),
                approvers=policy.approvals.approvers,
                after=tuple(policy.gates.after),
                turn=self._turn(record),
                schedulable=record.stage in WAITING and bool(schedule.choices(self._ports, record.project)),
                progress=self._ports.shelves.get("progress", record.id) or {},
                head_hash=entries[-1].hash if promotion.ending else "",
            )
        )

    def _turn(self, record: Record) -> str:
        if record.kind != "promotion" or record.stage != "window":
            return ""
        mine = next((each for each in schedule.queue(self._ports, record.project) if each.id == record.id), None)
        return mine.place if mine and " after " in mine.place else ""

    def line(self, record: Record, entry: Entry) -> Line | None:
        entries = [each for each in self._ports.journal.entries(about=record.id) if each.seq <= entry.seq]
        so_far = Promotion.of(entries)
        if entry.kind == "promotion.requested":
            return self._sql_file(so_far) if len(entries) == 1 else None
        if entry.kind in SAID_ONCE and Promotion.of(entries[:-1]) == so_far:
            return None
        message = told(so_far, entry)
        return Line(message=message, alone=needs_somebody(entry)) if message else None

    def sql(self, promotion: Promotion) -> list[tuple[str, str]]:
        """The plan's files as text for reading: scrubbed, while what runs are the bytes themselves."""
        files = promotion.plan.files
        contents = ((file.filename, self._ports.shelves.fetch(file.sha256)) for file in files)
        return [(name, self._scrub(content.decode("utf-8", "replace"))) for name, content in contents]

    def _sql_file(self, promotion: Promotion) -> Line | None:
        text = long_sql(self.sql(promotion))
        if not text:
            return None
        upload = Upload(
            filename=f"{promotion.id}.sql",
            title=f"SQL of {promotion.id}, plan {promotion.plan.digest[:6]}",
            content=text,
        )
        return Line(message=notice(line("The SQL is long; the whole of it is this file.")), file=upload)

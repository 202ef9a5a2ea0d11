"""How a promotion or a staging run is shown: channel, card and thread lines, from its entries."""

from __future__ import annotations

from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.domain.visit import Visit
from bot.evidence.proofs import proofs
from bot.roles import required_approvals
from bot.scrub import Scrubber
from bot.windows import schedule
from bot.world import Ports
from handlers.announcing.announcer import Line, Upload
from handlers.migrations.history import History
from templates.baseline import baseline_card
from templates.blocks import Message, line, notice
from templates.promotion.card import card
from templates.promotion.sight import Sight
from templates.promotion.sql import long_sql
from templates.promotion.thread import needs_somebody, told
from templates.promotion.way_back import Plan
from templates.rollback.restoring import restore_card

WAITING = ("approval", "window")

SAID_ONCE = frozenset({"promotion.ticked", "promotion.approved"})
"""Words that count once for each person: two presses at the same moment are two entries and one line."""

SHORT_DIFF = 20
"""Lines of a difference between catalogs from which on it is a file."""


class PromotionView:
    """Draws promotions; both kinds of record look alike."""

    def __init__(self, ports: Ports, scrub: Scrubber) -> None:
        self._ports = ports
        self._scrub = scrub
        self._history = History(ports)

    def channel(self, record: Record) -> str:
        return self._ports.projects[record.project].policy.channels.deploys

    def card(self, record: Record) -> Message:
        entries = list(self._ports.journal.entries(about=record.id))
        promotion = Promotion.of(entries)
        policy = self._ports.project_of(record.project, promotion.terms).policy
        draw = {"baseline": baseline_card, "restore": restore_card}.get(record.kind, card)
        return draw(
            Sight(
                record=record,
                promotion=promotion,
                required=required_approvals(promotion, policy),
                approvers=policy.approvals.approvers,
                after=tuple(policy.gates.after),
                turn=self._turn(record),
                schedulable=record.stage in WAITING and bool(schedule.choices(self._ports, record.project)),
                progress=self._ports.shelves.get("progress", _walks(record, promotion)) or {},
                head_hash=entries[-1].hash if promotion.ending else "",
            )
        )

    def _turn(self, record: Record) -> str:
        if record.kind != "promotion" or record.stage != "window":
            return ""
        mine = next((each for each in schedule.queue(self._ports, record.project) if each.id == record.id), None)
        return mine.place if mine and " after " in mine.place else ""

    def line(self, record: Record, entry: Entry) -> Line | None:
        before, so_far = self._history.after(record.id, entry.seq - 1), self._history.after(record.id, entry.seq)
        if so_far is None:
            return None
        if entry.kind == "promotion.requested":
            return self._sql_file(so_far) if before is None else None
        if entry.kind in SAID_ONCE and before == so_far:
            return None
        message = told(so_far, entry)
        if not message:
            return None
        return Line(message=message, alone=needs_somebody(entry), file=self._diff_file(so_far, entry))

    def clean(self, text: str) -> str:
        """What a person typed, without secrets: it may end up in a file."""
        return self._scrub(text)

    def sql(self, promotion: Promotion) -> list[tuple[str, str]]:
        """The plan's files as text for reading: scrubbed, while what runs are the bytes themselves."""
        files = promotion.plan.files
        contents = ((file.filename, self._ports.shelves.fetch(file.sha256)) for file in files)
        return [(name, self._scrub(content.decode("utf-8", "replace"))) for name, content in contents]

    def ways_back(self, promotion: Promotion) -> list[Plan]:
        """Each file's way back as it was last tried, scrubbed for reading."""
        known = proofs(self._ports.shelves, promotion.plan)
        found = []
        for file in promotion.plan.files:
            proof = known.get(file.version)
            if proof is None or proof.sha256 != file.sha256:
                found.append(Plan(filename=file.filename, way=None))
                continue
            sql = self._ports.shelves.fetch(proof.sql).decode("utf-8", "replace")
            found.append(Plan(filename=file.filename, way=proof.way, sql=self._scrub(sql)))
        return found

    def _diff_file(self, promotion: Promotion, entry: Entry) -> Upload | None:
        """Drift, whole; what a staging run changed in the catalog, where that is longer than the lines about it."""
        if entry.kind == "page.seen" and (picture := str(entry.data["picture"])):
            name = f"{promotion.id}-page-{len(promotion.pages)}.png"
            title, content = self._scrub(promotion.pages[-1].url), self._ports.shelves.fetch(picture)
            return Upload(filename=name, title=title, content=content)
        if entry.kind == "drift.seen":
            text = self._scrub(self._ports.shelves.fetch(str(entry.data["diff"])).decode())
            return Upload(filename=f"{promotion.id}-drift.txt", title="Staging beside production", content=text)
        if entry.kind == "watch.visited":
            return self._screenshot(promotion, entry)
        kept = str(entry.data.get("diff", "")) if entry.kind == "evidence.seen" else ""
        text = self._scrub(self._ports.shelves.fetch(kept).decode()) if kept else ""
        if len(text.splitlines()) <= SHORT_DIFF:
            return None
        return Upload(filename=f"{promotion.id}-catalog.txt", title=f"What {promotion.id} changed", content=text)

    def _screenshot(self, promotion: Promotion, entry: Entry) -> Upload | None:
        """What a page looked like while the promotion was watched."""
        kept, visit = str(entry.data.get("picture", "")), entry.data.get("visit")
        if not kept or not isinstance(visit, dict):
            return None
        said = Visit.from_json(visit).said
        return Upload(filename=f"{promotion.id}-page.png", title=str(visit["url"]), alt=f"Screenshot: {said}",
                      content=self._ports.shelves.fetch(kept))

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


def _walks(record: Record, promotion: Promotion) -> str:
    """The record whose progress the card shows: while a backup is taken, the backup's."""
    return promotion.backup.id if record.stage == "backup" and promotion.backup else record.id

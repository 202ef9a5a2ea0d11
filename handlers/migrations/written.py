"""Promotions as documents: the checklist in Slack, as Markdown for a pull request, and the read-only page."""

from __future__ import annotations

from datetime import datetime

from bot.domain.document import Checklist
from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.errors import Unknown
from bot.promotions.requests import SERIES
from bot.promotions.verbs import Promotions
from bot.reporting.checklist import written
from bot.reporting.names import names
from bot.world import Ports, Project
from handlers.conversation import Ask, Reply
from handlers.door.pages import Drawn
from handlers.incidents.reports import INCIDENT, Reports
from templates.checklist import checklist_card
from templates.documents import checklist_markdown, promotion_page
from templates.promotion.sight import Sight
from templates.promotion.status import title
from templates.promotion.thread import told
from templates.text import unmarked


class Written:
    """Writes a promotion down for readers."""

    def __init__(self, ports: Ports, promotions: Promotions) -> None:
        self._ports = ports
        self._promotions = promotions

    def verb(self, ask: Ask, project: Project, rest: tuple[str, ...]) -> Reply:
        """`/migrate checklist [PROMOTION]`: the newest one unless it is named."""
        self._promotions.require_member(ask.user, project)
        named = rest[0].upper() if rest else self._newest(project)
        self._promotions.read(ask.user, named)
        filled = self._filled(list(self._ports.journal.entries(about=named)))
        return Reply(message=checklist_card(filled, checklist_markdown(filled, names(self._ports.shelves))))

    def page(self, record: Record, until: str) -> str:
        """The read-only page."""
        entries = list(self._ports.journal.entries(about=record.id))
        promotion = Promotion.of(entries)
        sight = Sight(record=record, promotion=promotion)
        stage = f"at “{record.stage}”{f', waiting for {record.waits_for}' if record.waits_for else ''}"
        ending = promotion.ending
        facts = (
            ("State", str(title(sight)) if ending else f"{title(sight)}: {stage}"),
            ("Why", ending.why if ending else ""),
            ("Asked by", promotion.requested_by),
            ("Approved by", ", ".join(promotion.approvals)),
            ("Plan", promotion.plan.digest),
            ("Read from", promotion.plan.source.label if promotion.plan.source else ""),
            ("Journal head", entries[-1].hash),
        )
        return promotion_page(
            self._filled(entries), tuple((label, said) for label, said in facts if said), _timeline(entries),
            names(self._ports.shelves), until,
        )

    def _filled(self, entries: list[Entry]) -> Checklist:
        promotion = Promotion.of(entries)
        project = self._ports.project_of(promotion.plan.project, promotion.terms)
        return written(self._ports.journal, promotion.id, project.policy.gates.after)

    def _newest(self, project: Project) -> str:
        found = self._ports.journal.find(kind="promotion", project=project.name, limit=100_000)
        if not found:
            raise Unknown("Nothing was promoted yet. /migrate promote asks for it; its checklist fills by itself.")
        return found[-1].id


def drawn(ports: Ports) -> dict[str, Drawn]:
    """The pages by the first part of their path: the kinds of record that one shows, and what draws it."""
    return {
        "promotions": (tuple(SERIES), Written(ports, Promotions(ports)).page),
        "incidents": ((INCIDENT,), Reports(ports.journal, ports.shelves).page),
    }


def _timeline(entries: list[Entry]) -> tuple[tuple[datetime, str, str], ...]:
    """What the thread tells, as of each entry."""
    rows, promotion = [], None
    for entry in entries:
        promotion = promotion.after([entry]) if promotion else Promotion.of([entry])
        message = told(promotion, entry)
        if entry is entries[0]:
            rows.append((entry.at, entry.actor, "Asked for it"))
        elif message:
            rows.append((entry.at, entry.actor, unmarked(message.text)))
    return tuple(rows)

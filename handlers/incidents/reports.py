"""Incidents as documents: what the journal holds of one and of its time, put together and written in each form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from bot.domain.alert import Alert
from bot.domain.entry import Entry, Json
from bot.domain.incident import Incident
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.domain.report import Happened, IncidentReport
from bot.domain.window import Announced, Freeze
from bot.errors import StagedoorError, Unknown
from bot.incidents.records import spelt
from bot.ports import Journal, Shelves
from bot.promotions.requests import SERIES
from bot.reporting.incident import report
from bot.reporting.names import names
from templates.alert import alert_line
from templates.documents import report_in
from templates.promotion.thread import told
from templates.rollback.thread import told as rollback_told
from templates.text import unmarked
from templates.window.card import freeze_line, window_line

INCIDENT = "incident"
PICTURES = 4_000_000
"""Bytes of pictures that a page holds."""

ALERT_WORDS = {"alert.raised": "raised: {title}", "alert.acknowledged": "acknowledged", "alert.muted": "muted"}
ELSEWHERE_NO_NEWS = (INCIDENT, "follow", "digest", "notice")
NEWS = frozenset({"apply.committed", "apply.failed", "apply.stopped", "alert.raised"})
"""Entries of other records that belong to the story in short."""

QUIET = ("walk.", "announcer.", "person.refused", "catalog.", "approval.asked")
"""Entries of other records that are no news to anybody."""


def gathered(journal: Journal, shelves: Shelves, id: str) -> IncidentReport:
    """The report as the journal stands; `id` as people name it. Raises `Unknown`."""
    id = spelt(id)
    record = journal.load(id)
    if record is None or record.kind != INCIDENT:
        newest = ", ".join(each.id for each in journal.find(kind=INCIDENT, limit=100_000)[-3:])
        kind = f"a{'n' if record.kind[0] in 'aeiou' else ''} {record.kind}" if record else ""
        wrong = f"{id} is {kind} and no incident" if kind else f"There is no incident {id}"
        raise Unknown(f"{wrong}. The newest: {newest or 'none yet'}.")
    entries = list(journal.entries(about=id))
    return report(entries, shelves.private, lambda incident: elsewhere(journal, shelves, record, incident))


def in_form(journal: Journal, shelves: Shelves, id: str, form: str, note: str = "") -> str:
    """The report as `md`, `html` or `json`."""
    found = gathered(journal, shelves, id)
    return report_in(form, found, names(shelves), note=note, images=images(shelves, found) if form == "html" else None)


def images(shelves: Shelves, found: IncidentReport) -> dict[str, bytes]:
    """The pictures of its messages, the first ones up to 4 MB in all; the others are named with their link."""
    kept, left = dict[str, bytes](), PICTURES
    for sha256 in dict.fromkeys(each for line in found.timeline for each in line.images):
        with suppress(StagedoorError):      # what is not there any more is not shown
            content = shelves.fetch(sha256)
            if len(content) <= left:
                kept[sha256], left = content, left - len(content)
    return kept


def elsewhere(journal: Journal, shelves: Shelves, record: Record, incident: Incident) -> Iterator[Happened]:
    """What the project's other records tell of the incident's time; what it is about, from its beginning."""
    until = incident.closed_at or incident.watch_until
    yield from taken_in(journal, shelves, incident)
    for other in journal.find(project=record.project, limit=100_000):
        about = other.id in (incident.promotion, incident.alert, *(each.promotion for each in incident.decisions))
        if other.kind in ELSEWHERE_NO_NEWS or (other.touched < incident.seq and not about):
            continue
        for line in lines_of(other, list(journal.entries(about=other.id))):
            if (about or line.at >= incident.at) and (until is None or line.at <= until):
                yield replace(line, taken=line.taken and line.at >= incident.at)


def taken_in(journal: Journal, shelves: Shelves, incident: Incident) -> Iterator[Happened]:
    """What was said and done in incidents that turned out to be this one."""
    for id in incident.took_in:
        for line in report(list(journal.entries(about=id)), shelves.private).timeline:
            yield replace(line, what=f"{id}: {line.what}", main=line.key, order=f"{id} {line.order}")


def lines_of(record: Record, entries: list[Entry]) -> Iterator[Happened]:
    """Each entry of a record as a line, in the words that its thread has for it."""
    promotion: Promotion | None = None
    for entry in entries:
        if record.kind in SERIES:
            promotion = promotion.after([entry]) if promotion else Promotion.of([entry])
        if said := _said(record, entry, promotion, entries):
            yield Happened(
                at=entry.at, who=entry.actor, what=f"{record.id}: {said}", source=record.id,
                order=f"entry {entry.seq:012}", main=entry.kind in NEWS,
                taken=entry.kind == "apply.committed" and promotion is not None and promotion.where == "production",
            )


def _said(record: Record, entry: Entry, promotion: Promotion | None, entries: list[Entry]) -> str:
    if promotion is not None:
        if entry.kind == "promotion.requested":
            return f"asked for: {', '.join(file.label for file in promotion.plan.files)}"
        message = (rollback_told if record.kind == "rollback" else told)(promotion, entry)
    elif record.kind == "window":
        message = window_line(Announced.of(entries), entry, ())
    elif record.kind == "freeze":
        message = freeze_line(Freeze.of(entries), entry)
    elif record.kind == "alert":
        alert = Alert.of(each for each in entries if each.seq <= entry.seq)
        if entry.kind in ALERT_WORDS:
            return ALERT_WORDS[entry.kind].format(title=alert.title)
        message = alert_line(alert, entry)
    else:
        return _plainly(entry)
    return unmarked(message.text) if message else ""


def _plainly(entry: Entry) -> str:
    """An entry of a kind that has no words here: its name, and whatever of it is a short text."""
    if entry.kind.startswith(QUIET):
        return ""
    said = [f"{key} {value}" for key, value in sorted(entry.data.items()) if _short(value)]
    return f"{entry.kind.replace('.', ' ')}{': ' if said else ''}{', '.join(said)}"


def _short(value: Json) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and 0 < len(str(value)) <= 80


class Reports:
    """An incident's page."""

    def __init__(self, journal: Journal, shelves: Shelves) -> None:
        self._journal, self._shelves = journal, shelves

    def page(self, record: Record, until: str) -> str:
        """State, timeline and draft as they stand now, also while Slack is away."""
        return in_form(
            self._journal, self._shelves, record.id, "html", f"Read-only. This link works until {until}."
        )


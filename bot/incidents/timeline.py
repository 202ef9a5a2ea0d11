"""What happened around an incident, read from the journal: its timeline, what changed before it, what was like it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.domain.alert import Alert
from bot.domain.entry import Entry, Json
from bot.domain.incident import Incident
from bot.domain.notes import WRITTEN, Note
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.domain.window import Announced, Freeze
from bot.incidents import records as incidents
from bot.world import Ports

DAY = timedelta(hours=24)
MOST = 20
"""How many changes and how many similar incidents at most are told at the beginning."""

QUIET = frozenset({
    "walk.waits", "announcer.unable", "gates.judged", "evidence.seen", "catalog.seen", "apply.before", "reviews.seen",
    "proof.seen", "way_back.seen", "verify.seen", "watch.seen", "person.refused", "journal.redacted",
    "incident.linked", "incident.overdue",
})
"""What the machine notes for itself; nobody would look for it in a timeline."""

log = structlog.get_logger(__name__)

_WORD = re.compile(r"[^\W_]{3,}")
_COMMON = frozenset((
    "the", "and", "for", "with", "not", "are", "was", "were", "from", "this", "that", "have", "has", "all", "any",
    "can", "fails", "failing", "error", "errors", "production", "incident",
))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the timeline: an entry of the incident or of its project, or a note with its newest text's entry."""

    at: datetime
    kind: str
    actor: str
    record: str
    entry: str
    data: Mapping[str, Json] = field(default_factory=dict)
    note: Note | None = None
    seq: int = 0


def rows(ports: Ports, incident: Incident) -> tuple[Row, ...]:
    """Everything of the incident and, from its opening until it was closed, of its project; in order of time."""
    found = [*_own(ports, incident), *_notes(incident), *_around(ports, incident)]
    return tuple(sorted(found, key=lambda row: (row.at, row.note is not None, row.note.ref if row.note else "",
                                                row.seq)))


def _own(ports: Ports, incident: Incident) -> Iterator[Row]:
    for entry in ports.journal.entries(about=incident.id):
        if entry.kind.startswith("incident.") and entry.kind not in WRITTEN and entry.kind not in QUIET:
            yield _row(entry)


def _notes(incident: Incident) -> Iterator[Row]:
    for note in incident.timeline():
        yield Row(
            at=note.moment, kind="incident.noted", actor=note.author, record=incident.id, entry=note.text_of,
            note=note,
        )


def _around(ports: Ports, incident: Incident) -> Iterator[Row]:
    records: dict[str, Record | None] = {}
    for entry in ports.journal.entries(since=incident.seq):
        if incident.closed_at and entry.at > incident.closed_at:
            return
        if entry.about == incident.id or entry.kind in QUIET:
            continue
        if entry.about not in records:
            records[entry.about] = ports.journal.load(entry.about)
        record = records[entry.about]
        if record and record.project == incident.project and record.kind not in ("incident", "notice"):
            yield _row(entry)


def _row(entry: Entry) -> Row:
    return Row(
        at=entry.at, kind=entry.kind, actor=entry.actor, record=entry.about, entry=entry.id, data=entry.data,
        seq=entry.seq,
    )


def changed_before(ports: Ports, project: str, moment: datetime, span: timedelta = DAY) -> list[dict[str, Json]]:
    """What changed in a project in the time before a moment, the newest first: at, record, what, by (ids), at most 20.

    Promotions with their pull requests, deploy windows, freezes and alerts, as the journal has them.
    """
    found = []
    for record in ports.journal.find(project=project, limit=100_000):
        try:
            changes = _CHANGES[record.kind](ports, record) if record.kind in _CHANGES else []
        except (ValueError, KeyError):
            log.exception("a record of this kind cannot be read", record=record.id)
            continue    # one that is not understood must not keep an incident from beginning
        found += [
            change for change in changes if moment - span <= datetime.fromisoformat(str(change["at"])) <= moment
        ]
    found.sort(key=lambda change: str(change["at"]), reverse=True)
    return found[:MOST]


def _promotion(ports: Ports, record: Record) -> list[dict[str, Json]]:
    entries = list(ports.journal.entries(about=record.id))
    p = Promotion.of(entries)
    files = ", ".join(file.label for file in p.plan.files)
    went_in = ", ".join(file.label for file in p.plan.files if file.version in p.committed)
    pulls = [check.said for check in p.checklist if check.gate == "pull_request" and "#" in check.said]
    reviewed = f" ({pulls[0].rstrip('.')})" if pulls else ""
    people: list[Json] = list(dict.fromkeys((p.requested_by, *p.approvals)))
    changes = []
    if p.committed:
        last = max(each.at for each in p.committed.values())
        what = "Production changed" if p.where == "production" else "Staging changed"
        what = f"{p.rolling.of} was taken back" if p.rolling else what
        changes.append(_change(last, record, f"{what}: {went_in}{reviewed}", people))
    if p.ending and not p.committed:
        state = "may have changed" if p.may_have_changed else "unchanged"
        changes.append(_change(p.ending.at, record, f"{p.ending.verdict}, {p.where} {state}: {files}", people))
    elif p.failure:
        failed = next((e.at for e in reversed(entries) if e.kind == "apply.failed"), p.requested_at)
        why = p.failure.why if p.failure.version in p.failure.why else f"{p.failure.version}: {p.failure.why}"
        changes.append(_change(failed, record, f"Stopped: {why}", people))
    return changes


def _window(ports: Ports, record: Record) -> list[dict[str, Json]]:
    window = Announced.of(ports.journal.entries(about=record.id))
    if window.cancelled_by:
        return []
    said = f"Deploy window opened{f': {window.reason}' if window.reason else ''}"
    return [_change(window.span.start, record, said, [] if window.recurring else [window.by])]


def _freeze(ports: Ports, record: Record) -> list[dict[str, Json]]:
    freeze = Freeze.of(ports.journal.entries(about=record.id))
    return [] if freeze.incident else [_change(freeze.at, record, f"Promotions frozen: {freeze.reason}", [freeze.by])]


def _alert(ports: Ports, record: Record) -> list[dict[str, Json]]:
    alert = Alert.of(ports.journal.entries(about=record.id))
    return [_change(alert.at, record, f"Alert: {alert.title}", [])]


_CHANGES = {
    "promotion": _promotion, "staging": _promotion, "rollback": _promotion, "window": _window, "freeze": _freeze,
    "alert": _alert,
}


def _change(at: datetime, record: Record, what: str, by: list[Json]) -> dict[str, Json]:
    return {"at": at.isoformat(), "record": record.id, "what": what, "by": by}


def alike(ports: Ports, incident: Incident) -> list[dict[str, Json]]:
    """Past incidents that this one resembles, the likest first: record, title, why, fixed_by; three at most.

    By the same alert or promotion, or by words of title and what is broken. Private ones are nobody's example.
    """
    mine, found = words(f"{incident.title} {incident.broken}"), []
    for known in incidents.every(ports):
        other = known.incident
        if other.id == incident.id or other.private:
            continue
        theirs = words(f"{other.title} {other.broken}")
        shared = mine & theirs
        likeness = len(shared) / len(mine | theirs) if shared else 0.0
        same = other.alert and other.alert == incident.alert
        if same or likeness >= 0.3 or len(shared) >= 3:
            why = "the same alert" if same else f"both say {', '.join(sorted(shared)[:4])}"
            found.append((2.0 if same else likeness, other, why))
    found.sort(key=lambda each: (-each[0], each[1].id))
    return [
        {"record": other.id, "title": other.title, "why": why, "fixed_by": other.fixed_by}
        for _, other, why in found[:3]
    ]


def words(text: str) -> frozenset[str]:
    """The words of a text that tell something."""
    return frozenset(word for word in _WORD.findall(text.lower()) if word not in _COMMON)

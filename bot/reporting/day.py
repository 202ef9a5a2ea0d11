"""Puts the report of a day together: every incident, alert, promotion and window that moved in the last 24 hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.day import Chapter, Day, Item
from bot.domain.entry import Entry
from bot.domain.incident import Incident
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.domain.window import Announced, Freeze
from bot.ports import Journal

SPAN = timedelta(hours=24)
SPANS: Mapping[str, str] = {
    "time to acknowledge (MTTA)": "acknowledged", "time to mitigate": "mitigated", "time to resolve (MTTR)": "resolved",
}
PRIVATE = "a private incident"

Draw = Callable[[Record, Sequence[Entry]], Item]


def day(journal: Journal, projects: Iterable[str], now: datetime, span: timedelta = SPAN) -> Day:
    """What the journal holds of the time before `now`. Private incidents are counted and never told."""
    since, wanted = now - span, set(projects)
    chapters: dict[str, list[Item]] = {title: [] for title, _, _ in _KINDS}
    incidents: list[Incident] = []
    first = _seq_at(journal, since)
    for title, kinds, draw in _KINDS:
        for record in _of(journal, kinds, wanted):
            live = record.status is Status.LIVE
            if record.touched < first and record.kind != "incident" and not live:
                continue
            entries = [entry for entry in journal.entries(about=record.id) if entry.at <= now]
            if not entries:
                continue
            if entries[-1].at >= since or (live and record.kind in ("incident", "alert")):
                chapters[title].append(draw(record, entries))
            if record.kind == "incident":
                incidents.append(Incident.of(entries))
    return Day(
        since=since, until=now, means=_means(incidents, since, now), overdue=tuple(_overdue(incidents, now)),
        chapters=tuple(
            Chapter(title=title, items=tuple(sorted(items, key=lambda item: (item.at, item.id), reverse=True)))
            for title, items in chapters.items()
        ),
    )


def _seq_at(journal: Journal, moment: datetime) -> int:
    """The first entry at or after a moment, found by halving: a long journal is not read whole."""
    low, high = 0, max((record.touched for record in journal.find(limit=100_000)), default=0)
    while low < high:
        middle = (low + high) // 2
        entry = next(iter(journal.entries(since=middle)), None)
        if entry is None or entry.at >= moment:
            high = middle
        else:
            low = entry.seq
    return low + 1


def _of(journal: Journal, kinds: Sequence[str], projects: set[str]) -> Iterator[Record]:
    for kind in kinds:
        for record in journal.find(kind=kind, limit=100_000):
            if record.project in projects:
                yield record


def _incident(record: Record, entries: Sequence[Entry]) -> Item:
    i = Incident.of(entries)
    title = PRIVATE if i.private else i.title
    people = f", about {i.people} people" if i.people is not None and not i.private else ""
    draft = i.draft
    needs = "" if i.open or draft.published or draft.due is None else f"report due {draft.due:%Y-%m-%d %H:%M} UTC"
    if i.open and not i.commander:
        needs = "nobody leads it"
    return Item(
        id=i.id, project=i.project, title=f"{i.severity} · {title}", state=f"{i.status}{people}", at=entries[-1].at,
        needs=needs,
    )


def _promotion(record: Record, entries: Sequence[Entry]) -> Item:
    p = Promotion.of(entries)
    what = "promotion" if record.kind == "promotion" else "staging run" if record.kind == "staging" else record.kind
    state = p.ending.verdict if p.ending else f"at “{record.stage}”"
    files = ", ".join(file.label for file in p.plan.files[:3]) + (" …" if len(p.plan.files) > 3 else "")
    needs = record.waits_for if record.status is Status.LIVE else ""
    return Item(
        id=p.id, project=record.project, title=f"{what} of {files}" if files else what, state=state, at=entries[-1].at,
        needs=needs,
    )


def _window(record: Record, entries: Sequence[Entry]) -> Item:
    if record.kind == "freeze":
        f = Freeze.of(entries)
        state = f"lifted: {f.lifted[1]}" if f.lifted else f.ended or "stands"
        return Item(id=f.id, project=record.project, title=f"freeze: {f.reason}", state=state, at=entries[-1].at)
    w = Announced.of(entries)
    state = w.ended or ("cancelled" if w.cancelled_by else record.stage)
    title = f"window {w.span.start:%Y-%m-%d %H:%M} to {w.span.end:%H:%M} UTC{f': {w.reason}' if w.reason else ''}"
    return Item(id=w.id, project=record.project, title=title, state=state, at=entries[-1].at)


def _other(record: Record, entries: Sequence[Entry]) -> Item:
    """A record whose kind this page has no words for: its first entry, and where it stands."""
    data = entries[0].data
    title = next((str(data[key]) for key in ("title", "headline", "said", "what", "message") if data.get(key)), "")
    state = record.stage if record.status is Status.LIVE else "ended"
    return Item(id=record.id, project=record.project, title=title or record.kind, state=state, at=entries[-1].at)


def _means(incidents: Sequence[Incident], since: datetime, now: datetime) -> tuple[tuple[str, timedelta, int], ...]:
    """Averages over the incidents resolved in this time that have both milestones."""
    resolved = [i for i in incidents if i.resolved_at and since <= i.resolved_at <= now]
    found = []
    for name, until in SPANS.items():
        lengths = [length for i in resolved if (length := i.span("detected", until)) is not None]
        if lengths:
            found.append((name, sum(lengths, timedelta()) / len(lengths), len(lengths)))
    return tuple(found)


def _overdue(incidents: Sequence[Incident], now: datetime) -> Iterator[Item]:
    for i in incidents:
        title, draft = PRIVATE if i.private else i.title, i.draft
        if not i.open and draft.due and draft.due < now and not draft.published:
            yield Item(id=i.id, project=i.project, title=title, state="report overdue", at=draft.due, needs=draft.owner)
        for measure in draft.measures:
            if measure.due and measure.due < now and measure.done_at is None:
                what = PRIVATE if i.private else measure.text
                yield Item(
                    id=f"{i.id} {measure.id}", project=i.project, title=what, state="measure overdue", at=measure.due,
                    needs=measure.owner,
                )


_KINDS: tuple[tuple[str, tuple[str, ...], Draw], ...] = (
    ("Incidents", ("incident",), _incident),
    ("Alerts", ("alert",), _other),
    ("Promotions", ("promotion", "rollback", "staging", "baseline"), _promotion),
    ("Windows and freezes", ("window", "freeze"), _window),
)

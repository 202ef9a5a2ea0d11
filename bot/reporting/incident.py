"""Puts an incident's report together: entries in, report out. The same journal always gives the same report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from bot.domain.command import COMMANDER, Severity
from bot.domain.draft import FIELDS, SUMMED_UP, Draft
from bot.domain.entry import Entry
from bot.domain.incident import Incident
from bot.domain.notes import Note
from bot.domain.report import Decided, Happened, IncidentReport, Milestone, Section, Span
from bot.reporting.lines import line_of

ERASED = "(this text was erased)"
DELETED = "(deleted in Slack)"

Text = Callable[[str], str | None]
"""The erasable text of an entry by its id, or None."""


def report(
    entries: Sequence[Entry], text: Text, elsewhere: Callable[[Incident], Iterable[Happened]] = lambda incident: (),
) -> IncidentReport:
    """The report as these entries of the incident, oldest first, give it.

    `elsewhere` tells what its project's other records have of that time.
    """
    incident = Incident.of(entries)
    draft = incident.draft
    own = [line for entry in entries if (line := line_of(entry))]
    notes = [_note(note, text) for note in incident.timeline()]
    timeline = sorted([*own, *notes, *elsewhere(incident)], key=lambda each: (each.at, each.order, each.who, each.what))
    sections = tuple(_section(key, incident, draft) for key in FIELDS)
    return IncidentReport(
        id=incident.id, title=incident.title, severity=str(incident.severity), worst=_worst(entries, incident),
        status=incident.status,
        project=incident.project, private=incident.private, opened_by=incident.by, opened_at=incident.at,
        resolved_at=incident.resolved_at, closed_at=incident.closed_at, commander=incident.commander,
        owner=draft.owner or incident.commander, due=draft.due, people=incident.people, sections=sections,
        missing=_missing(sections, incident), timeline=tuple(timeline),
        decisions=tuple(
            Decided(
                at=each.at, by=each.by, choice=each.choice, options=each.options, why=each.why,
                evidence=tuple(said.rstrip(".") for said in each.evidence),
                reversible_until=each.reversible_until.removeprefix("until "),
            ) for each in incident.decisions
        ),
        taken=tuple(line for line in timeline if line.taken),
        measures=draft.measures, milestones=(found := _milestones(incident, entries)), spans=_spans(found),
        changes=tuple(_change(change) for change in incident.changes), through=entries[-1].seq, head=entries[-1].hash,
        published=draft.published,
    )


def _worst(entries: Sequence[Entry], incident: Incident) -> str:
    """`SEV1` is the worst, so the first in the alphabet."""
    rated = (str(e.data.get("to" if e.kind == "incident.severity" else "severity", "")) for e in entries
             if e.kind in ("incident.opened", "incident.severity"))
    return min(each for each in (*rated, str(incident.severity)) if each in {*Severity})


def _note(note: Note, text: Text) -> Happened:
    said = DELETED if note.deleted and not note.text_of else _text(note.text_of, text)
    earlier = tuple(_text(each, text) for each in note.earlier)
    remarks = []
    if note.corrections:
        remarks.append(f"corrected by {', '.join(dict.fromkeys(each.by for each in note.corrections))}")
        if note.at and note.moment != note.at:
            remarks.append(f"first dated {note.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
    if note.files:
        remarks.append("files: " + ", ".join(file.name for file in note.files))
    return Happened(
        at=note.moment, who=note.author, what=said, source=note.permalink, key=note.key, was=earlier,
        remark="; ".join(remarks), order=note.ref,
        images=() if note.deleted or said == ERASED else tuple(file.sha256 for file in note.files if file.sha256),
    )


def _text(entry: str, text: Text) -> str:
    found = text(entry) if entry else None
    return ERASED if found is None else found


def _section(key: str, incident: Incident, draft: Draft) -> Section:
    title, question = FIELDS[key]
    if filled := draft.filled.get(key):
        return Section(key=key, title=title, text=filled.text, by=filled.by, at=filled.at, question=question)
    known = {"summary": _summary, "impact": _impact, "actions_taken": _actions}
    return Section(key=key, title=title, text=known[key](incident) if key in known else "", question=question)


def _summary(i: Incident) -> str:
    """Three sentences that hold nothing but facts."""
    said = [f"{i.severity} “{i.title}” was opened on {_moment(i.at)} by {i.by}{f': {i.broken}' if i.broken else ''}."]
    if i.decision:
        said.append(f"It was decided: {i.decision.choice}.")
    if i.resolved_at:
        fixed = f"; what fixed it: {i.fixed_by}" if i.fixed_by else ""
        said.append(f"It was resolved on {_moment(i.resolved_at)} by {i.resolved_by}{fixed}.")
    else:
        said.append(f"It is not resolved: {i.status}.")
    return " ".join(said)


def _impact(i: Incident) -> str:
    return i.impact


def _actions(i: Incident) -> str:
    return i.actions


def _missing(sections: Sequence[Section], incident: Incident) -> tuple[str, ...]:
    """What people still have to fill. A summary that the journal gave counts as a draft, not as filled."""
    named = [section.title for section in sections if not section.text and section.key not in SUMMED_UP]
    named += [f"{section.title}, in a person's words" for section in sections
              if section.key == "summary" and not section.by]
    if incident.people is None:
        named += [section.title for section in sections if section.key == "impact" and not section.text]
    draft = incident.draft
    if not draft.measures:
        named.append("Preventive measures, each with an owner and a date")
    named += [f"An owner for {measure.id}" for measure in draft.measures if not measure.owner]
    named += [f"A date for {measure.id}" for measure in draft.measures if measure.due is None]
    return tuple(named)


def _milestones(i: Incident, entries: Sequence[Entry]) -> tuple[Milestone, ...]:
    """From explicit entries only: a milestone that somebody named, else the entry that says the same."""
    command = next((e for e in entries if e.kind == "incident.role" and e.data.get("role") == COMMANDER), None)
    otherwise: Mapping[str, tuple[datetime | None, str]] = {
        "detected": (i.at, "when it was opened"),
        "acknowledged": (command.at if command else None, "when somebody took command"),
        "mitigated": (None, ""),
        "resolved": (i.resolved_at, "when it was called resolved"),
    }
    found = []
    for name, (at, said) in otherwise.items():
        if name in i.milestones:
            found.append(Milestone(name=name, at=i.milestones[name], said="its own entry in the journal"))
        else:
            found.append(Milestone(name=name, at=at, said=said if at else "nobody named it"))
    return tuple(found)


def _spans(milestones: Sequence[Milestone]) -> tuple[Span, ...]:
    at = {milestone.name: milestone.at for milestone in milestones}
    wanted = {"Time to acknowledge": "acknowledged", "Time to mitigate": "mitigated", "Time to resolve": "resolved"}
    start = at["detected"]
    return tuple(
        Span(name=name, length=end - start, between=f"detected to {until}")
        for name, until in wanted.items() if start and (end := at[until])
    )


def _change(change: Mapping[str, object]) -> Happened:
    by = change.get("by")
    return Happened(
        at=datetime.fromisoformat(str(change["at"])), what=str(change.get("what", "")),
        source=str(change.get("record", "")),
        who=", ".join(dict.fromkeys(map(str, by))) if isinstance(by, list) else str(by or ""),
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

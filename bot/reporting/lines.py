"""The lines that an incident's own entries give its timeline; a test compares them with what can happen to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bot.domain.entry import Entry, Json
from bot.domain.report import Happened

MAIN = frozenset({
    "incident.opened", "incident.severity", "incident.update", "incident.decided", "incident.switched",
    "incident.reverted", "incident.watch_saw", "incident.resolved", "incident.reopened", "incident.role",
    "incident.took_in",
})
"""Kinds of entries of which the story in short is made."""

STATES: Mapping[str, str] = {
    "in_force": "in force", "accepted": "accepted by the other side; since when it acts is not known",
    "following": "begun, not in force yet", "manual": "has to be done by hand",
    "failed": "failed, nothing was switched", "unknown": "nobody can say whether it was switched",
}


def line_of(entry: Entry) -> Happened | None:
    """What the timeline says of an entry; None for those that speak elsewhere."""
    write = _LINES.get(entry.kind)
    said = _milestone(entry) if entry.kind == "incident.milestone" else write(entry.data) if write else ""
    if not said:
        return None
    order = f"entry {entry.seq:012}"
    line = Happened(at=entry.at, who=entry.actor, what=said, source=f"entry {entry.seq}", order=order)
    waits = entry.data.get("state") == "manual"
    return replace(
        line, key=entry.kind in ("incident.opened", "incident.resolved", "incident.decided"),
        main=entry.kind in MAIN and not waits,
        taken=entry.kind in ("incident.switched", "incident.reverted") and not waits,
    )


def _text(data: Mapping[str, Json], key: str) -> str:
    return str(data.get(key) or "")


def _opened(data: Mapping[str, Json]) -> str:
    parts = [f"Opened as {_text(data, 'severity')}: {_text(data, 'title')}"]
    parts += [f"{label}: {said}" for label, key in (("Broken", "broken"), ("Impact", "impact"), ("So far", "actions"))
              if (said := _text(data, key))]
    return ". ".join(part.rstrip(".") for part in parts)


def _role(data: Mapping[str, Json]) -> str:
    person, role = _text(data, "person"), _text(data, "role")
    return f"{role.capitalize()}: {person}" if person else f"{role.capitalize()}: nobody any more"


def _because(what: str, key: str) -> Callable[[Mapping[str, Json]], str]:
    def write(data: Mapping[str, Json]) -> str:
        why = _text(data, "why")
        return f"{what}{_text(data, key)}{f': {why}' if why else ''}"

    return write


def _decided(data: Mapping[str, Json]) -> str:
    until = _text(data, "reversible_until")
    why = _text(data, "why")
    said = f"Decided: {_text(data, 'choice')}{f', because {why}' if why else ''}"
    return f"{said} (reversible until {until.removeprefix('until ')})" if until else said


def _switched(data: Mapping[str, Json]) -> str:
    flag, state, at = _text(data, "flag"), _text(data, "state"), _text(data, "in_force_at")
    what = f"{flag} switched to {_text(data, 'to')}" if flag else "Code deployment taken back"
    since = f" since {datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""
    said = f"{what}: {STATES.get(state, 'in force' if at else 'not known to be in force')}{since}"
    answer = _text(data, "answer").rstrip(".")
    return f"{said}. {answer[:1].upper()}{answer[1:]}" if answer else said


def _milestone(entry: Entry) -> str:
    """With its moment, where that is another than the entry's own."""
    at = datetime.fromisoformat(str(entry.data["at"]))
    other = abs((entry.at - at).total_seconds()) >= 1
    when = f" at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if other else ""
    return f"Milestone: {entry.data['name']}{when}"


def _measure(data: Mapping[str, Json]) -> str:
    return f"Preventive measure {_text(data, 'id')}: {_text(data, 'text')}"


_LINES: Mapping[str, Callable[[Mapping[str, Json]], str]] = {
    "incident.opened": _opened,
    "incident.role": _role,
    "incident.severity": _because("Severity ", "to"),
    "incident.status": _because("Status: ", "to"),
    "incident.update": lambda data: f"Update: {_text(data, 'text')}",
    "incident.decided": _decided,
    "incident.switch_asked": lambda data: f"Asked to switch {_text(data, 'flag') or 'the code deployment back'}",
    "incident.switched": _switched,
    "incident.reverted": _switched,
    "incident.watch_saw": lambda data: f"The watch saw: {_text(data, 'what')}",
    "incident.resolved": lambda data: f"Resolved. What fixed it: {_text(data, 'fixed_by') or 'not said'}",
    "incident.reopened": _because("Reopened", ""),
    "incident.closed": lambda data: "Closed after the watch",
    "incident.joined": _because("It goes on as a part of ", "into"),
    "incident.took_in": lambda data: f"{_text(data, 'from')} is the same: {_text(data, 'title')}",
    "incident.froze": lambda data: f"Promotions frozen by {_text(data, 'freeze')}",
    "incident.thawed": lambda data: f"Promotions are free again: {_text(data, 'freeze')} was lifted",
    "report.owner": lambda data: f"The report is now {_text(data, 'person')}'s",
    "report.published": lambda data: "Report published",
    "action.added": _measure,
    "action.done": lambda data: f"Preventive measure {_text(data, 'id')} is done",
}

"""The report of an incident in its runbook: its clock and its reminders, until it is published."""

from __future__ import annotations

from datetime import datetime

from bot.domain.entry import SYSTEM
from bot.domain.incident import Incident
from bot.errors import StagedoorError, Unknown
from bot.runbooks.reminding import due_now, reminders
from bot.world import World


def report_clock(incident: Incident, world: World) -> datetime | None:
    """From the resolution on: who writes the report until when, and each reminder once. Says when to come back."""
    draft, now = incident.draft, world.ports.clock.now()
    if incident.open or incident.resolved_at is None or incident.same_as:
        return None
    if draft.begun is None or draft.begun < incident.resolved_at:
        owner = draft.owner or _owner(incident)
        world.note("report.begun", {
            "owner": owner, "due": (incident.resolved_at + world.policy.incidents.report_due).isoformat(),
            "zone": zone_of(owner, world),
        })
        return now
    if draft.due is None or (draft.published and draft.published.at >= incident.resolved_at):
        return None
    planned = reminders(draft.begun, draft.due, world.policy.incidents.reminders, draft.zone)
    names, following = due_now(planned, draft.reminded, now)
    if names:
        at = next(reminder.at for reminder in planned if reminder.name == names[-1])
        world.note("report.reminded", {
            "which": [*names], "owner": _still_here(draft.owner, world), "due": draft.due.isoformat(),
            "late": (now - at).total_seconds(), "overdue": now >= draft.due,
        })
    return following


def is_reported(incident: Incident) -> bool:
    """Whether its report was published since it was last resolved."""
    published, resolved = incident.draft.published, incident.resolved_at
    return published is not None and resolved is not None and published.at >= resolved


def zone_of(person: str, world: World) -> str:
    """Their time zone; UTC where Slack does not say, which never holds up an incident."""
    try:
        return world.ports.people.find(person).zone if person else "UTC"
    except StagedoorError:
        return "UTC"


def _still_here(person: str, world: World) -> str:
    """That person, or nobody (then who is on call is told) where they left the workspace."""
    try:
        return person if person and world.ports.people.find(person).full_member else ""
    except Unknown:
        return ""
    except StagedoorError:
        return person


def _owner(incident: Incident) -> str:
    """Who led it, else who called it resolved, else who opened it; nobody where that was the program."""
    people = (incident.commander, incident.resolved_by, incident.by)
    return next((person for person in people if person and person != SYSTEM), "")

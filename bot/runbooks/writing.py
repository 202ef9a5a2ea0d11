"""What is written elsewhere after an incident: its report in the repository's incident log, its measures as issues.

Nothing here holds an incident up: what cannot be written is said, after a few tries, and that is all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.draft import Measure
from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.incident import Incident
from bot.errors import StagedoorError
from bot.runbooks.outcome import Outcome, Wait
from bot.world import World

TRIES = 5
RETRY = timedelta(minutes=10)


def exported(incident: Incident, world: World) -> Outcome | None:
    """Propose the newest version for the repository; None once that is done, given up, or not wanted."""
    edition, log, host = incident.draft.published, world.policy.incidents.log.strip("/"), world.project.host
    if edition is None or incident.private or not log or host is None or not world.project.reviewed:
        return None
    tries = incident.draft.failed.get(edition.number, 0)
    if edition.number in incident.draft.exported or tries >= TRIES:
        return None
    suffix = "" if edition.number == 1 else f".{edition.number}"
    path = f"{log}/{incident.id}{suffix}.md"
    try:
        pull = host.propose(path, world.ports.shelves.fetch(edition.forms["md"]), _title(incident), _said(incident))
        well, said = True, f"The report is proposed for {path}: {pull.url}"
    except StagedoorError as trouble:
        well, said = False, f"The report could not be written to {path}: {trouble}"
        if tries + 1 < TRIES:
            said += " It is tried again."
    world.note("report.exported", {"version": edition.number, "said": said, "well": well})
    again = world.ports.clock.now() + timedelta(minutes=2**tries)
    return Wait(for_="GitHub to take its report", until=world.ports.clock.now() if well else again)


def filed(measure: Measure, incident: Incident, world: World) -> datetime | None:
    """Keep a measure as an issue, where the policy says so; never twice. Says when to try again."""
    host = world.project.host
    if measure.issue or not world.policy.incidents.issues or host is None or not world.project.reviewed:
        return None
    title = f"{incident.id} {measure.id}: {'a private measure' if incident.private else measure.text}"
    try:
        url = host.issue(title, f"A preventive measure of {incident.id}. Stagedoor reminds its owner in Slack.")
    except StagedoorError:
        return world.ports.clock.now() + RETRY
    data: dict[str, Json] = {"id": measure.id, "url": url}
    world.ports.journal.append([Fact(about=incident.id, kind="action.issue", actor=SYSTEM, data=data)])
    return None


def _title(incident: Incident) -> str:
    return f"Incident report {incident.id}"


def _said(incident: Incident) -> str:
    lessons = incident.draft.filled.get("lessons")
    learned = f"\n\nFor the runbook, its lessons:\n\n```\n{lessons.text.replace('`', chr(39))}\n```" if lessons else ""
    return f"The report of {incident.id} as it was published, for the incident log.{learned}"

"""Incidents in the journal: how one is opened, from wherever; which there are; who may see a private one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.domain.command import Severity
from bot.domain.entry import Fact, Json, Opening
from bot.domain.incident import Incident
from bot.domain.record import Record, Status
from bot.errors import Unknown
from bot.ports import Put
from bot.world import Ports

CAUSES = "incident-causes"
"""Which incident an alert, a promotion or a delivery opened, by cause and count."""

THREADS = "threads"
"""Which record's thread hangs under a message of Slack's, by `CHANNEL:TS`."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """An incident with the record that says where it stands."""

    record: Record
    incident: Incident


def opening(
    ports: Ports, project: str, title: str, severity: str, by: str, *, alert: str = "", promotion: str = "",
    broken: str = "", impact: str = "", people: int | None = None, actions: str = "", private: bool = False,
    channel: str = "", message: str = "", detected: datetime | None = None, ends_it: bool = False, key: str = "",
) -> tuple[Fact, ...]:
    """The facts that open an incident, to be appended by the caller in its own transaction, then woken.

    One a cause: the alert, else the promotion, else `key` (a delivery's). The same cause again gives no facts
    while its incident goes on, and reopens it when it was resolved; `opened_by` says which incident that is.
    `by` is a person's Slack id or `SYSTEM`. `detected` is when trouble was first seen (now, where nobody says).
    `ends_it` says that the promotion is the emergency that is to end it: the incident's freeze lets it pass.
    Safe to call again after a crash: the number was given to the cause before.
    """
    cause = alert or promotion or key
    record = _reserved(ports, cause) if cause else f"INC-{ports.journal.number('INC')}"
    if known := _known(ports, ports.journal.load(record)):
        again = "The same alert came again." if alert else "The same promotion again."
        if known.incident.open:
            return ()
        return (Fact(about=record, kind="incident.reopened", actor=by, data={"why": again}),)
    data: dict[str, Json] = {
        "title": " ".join(title.split()) or "An incident", "severity": str(Severity(severity)), "broken": broken,
        "impact": impact, "people": people, "actions": actions, "private": private, "project": project,
        "channel": channel, "alert": alert, "promotion": promotion, "ends_it": ends_it, "message": message,
    }
    at = min(detected or ports.clock.now(), ports.clock.now())
    facts = [
        Fact(
            about=record, kind="incident.opened", actor=by, data=data,
            opens=Opening(kind="incident", project=project, stage="opening"),
        ),
        Fact(about=record, kind="incident.milestone", actor=by, data={"name": "detected", "at": at.isoformat()}),
    ]
    facts += [
        Fact(about=other, kind="incident.linked", actor=by, data={"incident": record})
        for other in (alert, promotion) if other
    ]
    return tuple(facts)


def opened_by(ports: Ports, cause: str) -> Known | None:
    """The newest incident that an alert, a promotion or a delivery opened, or None."""
    found: Known | None = None
    for count in range(1, 1000):
        doc = ports.shelves.get(CAUSES, f"{cause}:{count}")
        known = _known(ports, ports.journal.load(str(doc["record"]))) if doc else None
        if known is None:
            return found
        found = known
    return found


def _reserved(ports: Ports, cause: str) -> str:
    """The record of a cause: kept for it before anything is journalled, so that two askers get the same one."""
    record, count = "", 0
    while not record:
        count += 1
        place = f"{cause}:{count}"
        doc = ports.shelves.get(CAUSES, place)
        if doc is None:
            new: dict[str, Json] = {"record": f"INC-{ports.journal.number('INC')}"}
            doc = ports.shelves.put_new(CAUSES, place, new)
        known = ports.journal.load(str(doc["record"]))
        if known is None or known.status is Status.LIVE:
            record = str(doc["record"])
    return record


def read(ports: Ports, record_id: str) -> Known:
    """An incident as it stands. Raises `Unknown`."""
    named = record_id.strip().upper()
    known = _known(ports, ports.journal.load(named if named.startswith("INC-") else f"INC-{named}"))
    if known is None:
        live = [record.id for record in ports.journal.find(kind="incident", status=Status.LIVE)]
        there = f"Open: {', '.join(live[-5:])}." if live else "None is open."
        raise Unknown(f"There is no incident {record_id.strip() or 'without a number'}. {there}")
    return known


def every(ports: Ports, status: Status | None = None) -> Iterator[Known]:
    """All incidents, oldest first."""
    for record in ports.journal.find(kind="incident", status=status, limit=100_000):
        if known := _known(ports, record):
            yield known


def of_thread(ports: Ports, channel: str, thread: str) -> str:
    """The incident whose thread this is, or nothing."""
    doc = ports.shelves.get(THREADS, f"{channel}:{thread}") if thread else None
    record = ports.journal.load(str(doc["record"])) if doc else None
    return record.id if record and record.kind == "incident" else ""


def remembered(channel: str, ts: str, record: str) -> Put:
    """The document by which a thread's record is found."""
    return Put(shelf=THREADS, key=f"{channel}:{ts}", doc={"record": record})


def sees(
    ports: Ports, person: str, incident: Incident, channel: str = "", groups: frozenset[str] = frozenset(),
) -> bool:
    """Whether a person may read of an incident: of a private one only in its channel, or as one of those who run it."""
    if not incident.private or (channel and channel == incident.channel):
        return True
    on_call = ports.projects[incident.project].policy.incidents.on_call if incident.project in ports.projects else ()
    return person in {incident.by, *incident.roles.values()} or bool({person, *groups} & set(on_call))


def _known(ports: Ports, record: Record | None) -> Known | None:
    if record is None or record.kind != "incident":
        return None
    return Known(record=record, incident=Incident.of(ports.journal.entries(about=record.id)))

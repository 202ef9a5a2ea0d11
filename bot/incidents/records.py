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
from bot.ports import Put, Take
from bot.world import Ports

CAUSES = "incident-causes"
"""Which incident an alert, a promotion or a delivery opened, by cause and count."""

ASKED = "requests"
"""Which record a delivery opened."""

THREADS = "threads"
"""Which record's thread hangs under a message of Slack's, by `CHANNEL:TS`."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """An incident with the record that says where it stands."""

    record: Record
    incident: Incident


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What is known of an incident when it is opened. One a cause: the alert, else the promotion, else the key."""

    project: str
    title: str
    severity: str
    by: str
    """A person's Slack id, or `SYSTEM`."""
    key: str = ""
    """The delivery that asked for it."""
    alert: str = ""
    promotion: str = ""
    broken: str = ""
    impact: str = ""
    people: int | None = None
    actions: str = ""
    private: bool = False
    channel: str = ""
    message: str = ""
    detected: datetime | None = None
    """When trouble was first seen (now, where nobody says)."""
    ends_it: bool = False
    """The promotion is the emergency that is to end it: the incident's freeze lets it pass."""

    @property
    def cause(self) -> str:
        return self.alert or self.promotion or self.key

    def opens(self, take: Take, now: datetime, count: int = 1) -> tuple[list[Fact], list[Put]]:
        """What opens it, for `Journal.open`; `count` is which incident of its cause this is."""
        record = take("INC")
        data: dict[str, Json] = {
            "title": " ".join(self.title.split()) or "An incident", "severity": str(Severity(self.severity)),
            "broken": self.broken, "impact": self.impact, "people": self.people, "actions": self.actions,
            "private": self.private, "project": self.project, "channel": self.channel, "alert": self.alert,
            "promotion": self.promotion, "ends_it": self.ends_it, "message": self.message,
        }
        seen: dict[str, Json] = {"name": "detected", "at": min(self.detected or now, now).isoformat()}
        begins = Opening(kind="incident", project=self.project, stage="opening")
        facts = [
            Fact(about=record, kind="incident.opened", actor=self.by, data=data, opens=begins),
            Fact(about=record, kind="incident.milestone", actor=self.by, data=seen),
            *(
                Fact(about=other, kind="incident.linked", actor=self.by, data={"incident": record})
                for other in (self.alert, self.promotion) if other
            ),
        ]
        kept = [Put(shelf=CAUSES, key=f"{self.cause}:{count}", doc={"record": record})] if self.cause else []
        if self.key:    # the same delivery, worked on again, opened it and nobody before
            kept.append(Put(shelf=ASKED, key=self.key, doc={"record": record}))
        return facts, kept


def open_for(ports: Ports, new: Beginning) -> tuple[str, bool]:
    """Open an incident and journal it; returns its record, and whether anything came of this call.

    The same cause again changes nothing while its incident goes on, and reopens it when it was resolved.
    """
    if asked := ports.shelves.get(ASKED, new.key) if new.key else None:
        return str(asked["record"]), True
    before = [*_of_cause(ports, new.cause)] if new.cause else []
    known = before[-1] if before else None
    if known and known.incident.open:
        return known.incident.id, False
    if known and known.record.status is Status.LIVE:
        again = "The same alert came again." if new.alert else "The same promotion again."
        fact = Fact(about=known.incident.id, kind="incident.reopened", actor=new.by, data={"why": again})
        kept = [Put(shelf=ASKED, key=new.key, doc={"record": known.incident.id})] if new.key else []
        ports.journal.append([fact], puts=kept)
        return known.incident.id, True
    count, now = len(before) + 1, ports.clock.now()
    # Two who ask at the same moment, in whichever processes, count the same: one of them opens it.
    once = f"incident:{new.cause}:{count}" if new.cause else None
    opened = ports.journal.open(lambda take: new.opens(take, now, count), key=once)
    if opened:
        return opened[0].about, True
    other = opened_by(ports, new.cause)
    assert other is not None
    return other.incident.id, False


def opened_by(ports: Ports, cause: str) -> Known | None:
    """The newest incident that an alert, a promotion or a delivery opened, or None."""
    *_, newest = None, *_of_cause(ports, cause)
    return newest


def _of_cause(ports: Ports, cause: str) -> Iterator[Known]:
    """The incidents of a cause, oldest first."""
    for count in range(1, 1000):
        doc = ports.shelves.get(CAUSES, f"{cause}:{count}")
        known = _known(ports, ports.journal.load(str(doc["record"]))) if doc else None
        if known is None:   # also what a former release only kept a number for
            return
        yield known


def spelt(named: str) -> str:
    """An incident as people name it (`1`, `inc-1`), as the journal does (`INC-1`); anything else in capitals."""
    word = named.strip().upper()
    return f"INC-{word}" if word.isdecimal() else word


def read(ports: Ports, record_id: str) -> Known:
    """An incident as it stands. Raises `Unknown`."""
    known = _known(ports, ports.journal.load(spelt(record_id)))
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

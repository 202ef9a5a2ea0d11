"""What people can say after an incident: fill its report, hand it over, publish it, and see that measures are done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.day import Day
from bot.domain.draft import FIELDS, Measure
from bot.domain.entry import SYSTEM, Fact, Json, Opening
from bot.domain.incident import Incident
from bot.domain.record import Status
from bot.errors import Refused, Unknown
from bot.incidents import records as incidents
from bot.ports import Put
from bot.reporting.assertions import assertion_put
from bot.reporting.day import day
from bot.roles import member_of, require_approver, require_member, require_operator
from bot.world import Ports

FOLLOWS = "follows"
"""The record that keeps an incident's measures in sight, by the incident."""

MEASURES, SERIES = "measures", "ACT"
"""The number that a measure got, by the click that asked for it; `A-3` is an alert."""

EDITIONS, HELD = "editions", timedelta(minutes=1)
"""Who publishes which version just now; one that died at it holds it no longer than that."""

UNNEWS = frozenset({
    "report.published", "report.attached", "report.exported", "report.canvas", "report.canvas_none",
    "report.canvas_gone", "report.canvas_late", "announcer.unable", "person.refused",
})
"""Entries that are about a published version and make no new one."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """Facts and documents for the journal, and records to wake."""

    facts: tuple[Fact, ...]
    puts: tuple[Put, ...] = ()
    wake: tuple[str, ...] = ()


class Aftermath:
    """The verbs. Who may is judged here, at the click; a private incident does not exist for others."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def read(self, by: str, record: str, channel: str = "") -> Incident:
        """An incident for somebody who may read of it. Raises `Unknown`, also where it is not for them."""
        incident = incidents.read(self._ports, record).incident
        person = self._ports.people.find(by)
        require_member(person, self._ports.projects[incident.project].policy)
        if not incidents.sees(self._ports, by, incident, channel, person.groups):
            raise Unknown(f"There is no incident {incident.id} that you can see.")
        return incident

    def fill(self, by: str, record: str, fields: Mapping[str, str], channel: str = "") -> Said:
        """Keep what differs from what stands there; an emptied field is missing again."""
        incident = self.read(by, record, channel)
        before = {key: filled.text for key, filled in incident.draft.filled.items()}
        changed = {key: text.strip() for key, text in fields.items() if key in FIELDS and
                   text.strip() != before.get(key, "")}
        return Said(facts=tuple(
            Fact(about=incident.id, kind="report.field", actor=by, data={"field": key, "text": text})
            for key, text in changed.items()
        ))

    def hand_over(self, by: str, record: str, person: str, channel: str = "") -> Said:
        """Make somebody else the owner of the report."""
        incident = self.read(by, record, channel)
        owner = self._ports.people.find(person)
        require_member(owner, self._ports.projects[incident.project].policy)
        if person == incident.draft.owner:
            raise Refused("They own this report already.")
        data: dict[str, Json] = {"person": person, "zone": owner.zone}
        return Said(facts=(Fact(about=incident.id, kind="report.owner", actor=by, data=data),))

    def publish(self, by: str, incident: Incident, forms: Mapping[str, str], through: int, key: str) -> Said:
        """Freeze this version: its bytes by form (SHA-256). What is missing is said in it and holds nothing up.

        Of two people who press at once, one publishes; a version in which nothing is new is none.
        """
        if incident.open:
            raise Refused(f"{incident.id} is not resolved yet; its report can be published after that.")
        if by != incident.draft.owner:
            require_operator(self._ports.people.find(by), self._ports.projects[incident.project].policy)
        self._reserve(incident, key)
        data: dict[str, Json] = {
            "forms": dict(forms), "through": through, "version": len(incident.draft.editions) + 1,
        }
        fact = Fact(about=incident.id, kind="report.published", actor=by, data=data)
        attached = [
            Fact(about=incident.id, kind="report.attached", actor=by, data={"form": form, "sha256": sha256})
            for form, sha256 in forms.items() if form != "md"
        ]
        return Said(facts=(fact, *attached))

    def _reserve(self, incident: Incident, key: str) -> None:
        """Take the next version for one press of the button. Raises `Refused` when it is another's."""
        now, last = self._ports.clock.now(), incident.draft.published
        if last and not any(
            entry.kind not in UNNEWS and not entry.kind.startswith("walk.")
            for entry in self._ports.journal.entries(about=incident.id, since=last.seq)
        ):
            raise Refused(f"Version {last.number} is published, and nothing was added since.")
        place = f"{incident.id}:{len(incident.draft.editions) + 1}"
        mine: dict[str, Json] = {"key": key, "at": now.isoformat()}
        taken = self._ports.shelves.put_new(EDITIONS, place, mine)
        if taken["key"] != key and now - datetime.fromisoformat(str(taken["at"])) < HELD:
            raise Refused("Somebody else publishes it at this moment.")
        self._ports.shelves.put([Put(shelf=EDITIONS, key=place, doc=mine)])

    def add(
        self, by: str, record: str, text: str, owner: str, due: datetime | None, assertion: str, key: str,
        channel: str = "",
    ) -> tuple[str, tuple[str, ...]]:
        """A preventive measure; with an assertion, a test for what broke, which counts once an approver accepts it.

        Journals it, and returns its number with the records to wake.
        """
        incident = self.read(by, record, channel)
        text = " ".join(text.split())
        if not text:
            raise Refused("Say what is to be done.")
        if owner:
            require_member(self._ports.people.find(owner), self._ports.projects[incident.project].policy)
        if due and due <= self._ports.clock.now():
            raise Refused("That moment is over. Pick a later one.")
        data: dict[str, Json] = {
            "text": text, "owner": owner, "due": due.isoformat() if due else None,
            "assertion": assertion.strip().rstrip(";"),
        }
        if not incident.draft.measure(self._numbered(key)):
            self._ports.journal.open(lambda take: (
                [Fact(about=incident.id, kind="action.added", actor=by, data={"id": (id := take(SERIES)), **data})],
                [Put(shelf=MEASURES, key=key, doc={"id": id})],
            ))
        return self._numbered(key), (incident.id, *self._followed(incident))

    def _numbered(self, key: str) -> str:
        """The measure that this very click added before, or nothing."""
        return str((self._ports.shelves.get(MEASURES, key) or {}).get("id", ""))

    def done(self, by: str, measure_id: str, channel: str = "") -> Said:
        """Say that a measure was taken: its owner, or an operator."""
        incident, measure = self.measure(by, measure_id, channel)
        if measure.done_at:
            raise Refused(f"{measure.id} is done already.")
        if by != measure.owner:
            require_operator(self._ports.people.find(by), self._ports.projects[incident.project].policy)
        fact = Fact(about=incident.id, kind="action.done", actor=by, data={"id": measure.id})
        return Said(facts=(fact,), wake=self._follow(incident))

    def accept(self, by: str, measure_id: str, channel: str = "") -> Said:
        """Let a test run at every later promotion: an approver who did not write it."""
        incident, measure = self.measure(by, measure_id, channel)
        require_approver(self._ports.people.find(by), self._ports.projects[incident.project].policy)
        if not measure.assertion or measure.withdrawn:
            raise Refused(f"{measure.id} has no test to accept.")
        if measure.accepted_by:
            raise Refused(f"The test of {measure.id} runs already, accepted by {measure.accepted_by}.")
        if by == measure.added_by:
            raise Refused("You wrote this test, so another approver has to accept it.")
        sha256 = hashlib.sha256(measure.assertion.encode()).hexdigest()
        fact = Fact(about=incident.id, kind="action.accepted", actor=by, data={"id": measure.id, "sha256": sha256})
        return Said(facts=(fact,), puts=(assertion_put(incident, measure),), wake=self._follow(incident))

    def withdraw(self, by: str, measure_id: str, why: str, channel: str = "") -> Said:
        """Stop running a test, as an approver and with a reason."""
        incident, measure = self.measure(by, measure_id, channel)
        require_approver(self._ports.people.find(by), self._ports.projects[incident.project].policy)
        why = " ".join(why.split())
        if not why:
            raise Refused("Withdrawing a test needs a reason: it stays in the report.")
        fact = Fact(about=incident.id, kind="action.withdrawn", actor=by, data={"id": measure.id, "why": why})
        return Said(
            facts=(fact,), puts=(assertion_put(incident, measure, gone=True),), wake=self._follow(incident),
        )

    def measure(self, by: str, measure_id: str, channel: str = "") -> tuple[Incident, Measure]:
        """A measure with its incident; the id is `INC-7:ACT-3`. Raises `Unknown`."""
        record, _, id = measure_id.partition(":")
        incident = self.read(by, record, channel)
        if measure := incident.draft.measure(id):
            return incident, measure
        raise Unknown(f"{incident.id} has no measure {id}.")

    def day(self, by: str) -> Day:
        """The last 24 hours of every project that this person belongs to. Raises `Refused` for one of none."""
        mine = member_of(self._ports.people.find(by), self._ports.policies)
        return day(self._ports.journal, mine, self._ports.clock.now())

    def _followed(self, incident: Incident) -> tuple[str, ...]:
        """The record that keeps the measures in sight, opened unless there is one; two who ask open one."""
        if live := self._follow(incident):
            return live
        turn = sum(1 for _ in self._ports.journal.find(kind="follow", project=incident.project, limit=100_000))
        begins, data = Opening(kind="follow", project=incident.project, stage="following"), {"incident": incident.id}
        self._ports.journal.open(lambda take: (
            [Fact(about=(record := take("M")), kind="follow.opened", actor=SYSTEM, data=dict(data), opens=begins)],
            [Put(shelf=FOLLOWS, key=incident.id, doc={"record": record})],
        ), key=f"follow:{incident.id}:{turn}")
        return self._follow(incident)

    def _follow(self, incident: Incident) -> tuple[str, ...]:
        doc = self._ports.shelves.get(FOLLOWS, incident.id)
        record = self._ports.journal.load(str(doc["record"])) if doc else None
        return (record.id,) if record and record.status is Status.LIVE else ()

"""What people can say of an incident; every answer is facts for the journal, or a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.domain.alert import Alert
from bot.domain.command import COMMANDER, ROLES, Severity
from bot.domain.entry import Fact, Json
from bot.domain.incident import INVESTIGATING, Incident
from bot.domain.notes import Note
from bot.domain.person import Person
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.errors import Refused, Unknown
from bot.incidents import records as incidents
from bot.incidents.records import Beginning, Known
from bot.incidents.timeline import words
from bot.policy import Policy
from bot.roles import member_of, require_member, require_operator
from bot.world import Ports

OFFERED = ("rollback", "forward fix", "hotfix")


class Responding:
    """The verbs. Who may is judged here, at the click; a private incident does not exist for others."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    # Opening and finding

    def may_open(self, by: str, project: str) -> None:
        """Every member may; somebody has to be able to raise the alarm. Raises `Refused`."""
        require_member(self._ports.people.find(by), self._policy(project))

    def open(
        self, by: str, project: str, title: str, severity: str, key: str, *, broken: str = "", impact: str = "",
        people: int | None = None, actions: str = "", private: bool = False, channel: str = "", alert: str = "",
        promotion: str = "", message: str = "",
    ) -> tuple[str, bool]:
        """Open it; returns its record, and False where that alert or promotion opened one before that goes on."""
        self.may_open(by, project)
        return incidents.open_for(self._ports, Beginning(
            project=project, title=title, severity=severity, by=by, broken=broken, impact=impact, people=people,
            actions=actions, private=private, channel=channel, alert=alert, promotion=promotion, message=message,
            key=key, detected=self._first_seen(alert),
        ))

    def _first_seen(self, alert: str) -> datetime | None:
        return Alert.of(self._ports.journal.entries(about=alert)).raised.first if alert else None

    def read(self, by: str, record: str, channel: str = "") -> Known:
        """An incident for somebody who may read of it. Raises `Unknown`, also where it is not for them."""
        known = incidents.read(self._ports, record)
        person = self._ports.people.find(by)
        require_member(person, self._policy(known.incident.project))
        if not incidents.sees(self._ports, by, known.incident, channel, person.groups):
            raise Unknown(f"There is no incident {known.incident.id} that you can see.")
        return known

    def found(self, by: str, sought: str, channel: str = "") -> tuple[Known, ...]:
        """Incidents whose entries or notes hold all the words (all of them without any), newest first, at most 20."""
        person = self._ports.people.find(by)
        mine = frozenset(member_of(person, self._ports.policies))
        hits = {entry.about for entry in self._ports.journal.search(sought, limit=2000)} if sought else None
        seen = [
            known for known in incidents.every(self._ports)
            if known.incident.project in mine
            and incidents.sees(self._ports, by, known.incident, channel, person.groups)
            and (hits is None or known.incident.id in hits)
        ]
        return tuple(reversed(seen))[:20]

    def running(self, by: str, channel: str = "") -> tuple[Incident, ...]:
        """The incidents that go on and that this person may see, newest first. Raises `Refused` for no member."""
        person = self._ports.people.find(by)
        mine = frozenset(member_of(person, self._ports.policies))
        live = (known.incident for known in incidents.every(self._ports, Status.LIVE))
        return tuple(reversed([
            each for each in live
            if each.open and each.project in mine
            and incidents.sees(self._ports, by, each, channel, person.groups)
        ]))

    # Running it

    def take_command(self, by: str, record: str, seen: str) -> tuple[Fact, ...]:
        """Lead from now on; `seen` is who led when the button was drawn, so that nobody is overruled unawares."""
        incident = self.runs(by, record)
        if incident.commander == by:
            raise Refused(f"You lead {record} already.")
        if incident.commander != seen:
            raise Refused(f"Somebody else took command of {record} just now. Press Take command again to take over.")
        return self._leads(incident, by, by)

    def give_role(self, by: str, record: str, role: str, person: str) -> tuple[Fact, ...]:
        """Give somebody a role; nobody (an empty person) leaves it open."""
        incident = self.runs(by, record)
        if role not in ROLES:
            raise Unknown(f"There is no role “{role}”. There is: {', '.join(ROLES)}.")
        if person:
            require_member(self._ports.people.find(person), self._policy(incident.project))
        if incident.roles.get(role, "") == person:
            raise Refused(f"That is so already: nothing about {role} changes.")
        if role == COMMANDER and person:
            return self._leads(incident, by, person)
        return (Fact(about=incident.id, kind="incident.role", actor=by, data={"role": role, "person": person}),)

    def update(
        self, by: str, record: str, text: str, status: str, next_at: datetime | None, people: int | None,
    ) -> tuple[Fact, ...]:
        """Tell everybody how it stands, and until when they will hear again."""
        incident = self.runs(by, record, going=True)
        text = text.strip()
        if not text:
            raise Refused("An update needs words: what is known, what is being done.")
        if next_at and next_at <= self._ports.clock.now():
            raise Refused("The next update's time is over. Pick a later one.")
        data: dict[str, Json] = {
            "text": text, "next_at": next_at.isoformat() if next_at else None, "people": people,
        }
        facts = [Fact(about=incident.id, kind="incident.update", actor=by, data=data)]
        if status and status != incident.status:
            facts.append(Fact(about=incident.id, kind="incident.status", actor=by, data={"to": status}))
            if incident.status == INVESTIGATING:
                facts += self._milestone(incident, by, "acknowledged")
            if status == "watching":
                facts += self._milestone(incident, by, "mitigated")
        return tuple(facts)

    def rate(self, by: str, record: str, to: str, why: str) -> tuple[Fact, ...]:
        """Say that it is worse or less bad than it was thought to be."""
        incident = self.runs(by, record)
        if Severity(to) is incident.severity:
            raise Refused(f"{incident.id} is {to} already.")
        data: dict[str, Json] = {"to": to, "why": " ".join(why.split()), "from": str(incident.severity)}
        return (Fact(about=incident.id, kind="incident.severity", actor=by, data=data),)

    def decide(
        self, by: str, record: str, choice: str, why: str, reversible_until: str, promotion: str,
        evidence: Iterable[str],
    ) -> tuple[Fact, ...]:
        """Decide between rolling back, fixing forward and a hotfix."""
        incident = self.runs(by, record, going=True)
        if choice not in OFFERED:
            raise Unknown(f"Choose one of {', '.join(OFFERED)}.")
        data: dict[str, Json] = {
            "options": list(OFFERED), "choice": choice, "why": why.strip(), "evidence": list(evidence),
            "reversible_until": reversible_until.strip(), "promotion": promotion,
        }
        facts = [Fact(about=incident.id, kind="incident.decided", actor=by, data=data)]
        if incident.status == INVESTIGATING:
            facts.append(Fact(about=incident.id, kind="incident.status", actor=by, data={"to": "mitigating"}))
        return (*facts, *self._milestone(incident, by, "acknowledged"))

    def bearing(self, incident: Incident) -> tuple[str, ...]:
        """What the evidence says about how to end it: what changed production last, and its way back."""
        people = "unknown" if incident.people is None else f"about {incident.people}"
        said = [f"{incident.severity}; people affected: {people}."]
        newest = self._last_promotion(incident)
        if newest is None:
            return (*said, "No promotion changed production before it: a rollback has nothing to take back.")
        record, p = newest
        went_in = ", ".join(file.label for file in p.plan.files if file.version in p.committed)
        said.append(f"{record} changed production last: {went_in}.")
        schema = str(p.way_back.get("schema", "")) or "not proven"
        lost = f" Data that would be lost: {'; '.join(p.lost)}." if p.lost else ""
        said.append(f"Its way back: schema {schema}.{lost}")
        return tuple(said)

    def switch(self, by: str, record: str, flag: str, to: str, kind: str) -> tuple[Fact, ...]:
        """Turn a flag of the policy (an empty name: take the code deployment back). Once, however often it is asked."""
        incident = self.runs(by, record)
        now = next((each for each in reversed(incident.switches) if each.flag == flag), None)
        if now and now.open and now.to == to:
            raise Refused(f"{flag or 'The revert'} is being switched already: {now.answer or 'it was just asked for'}.")
        if now and now.state == "manual" and now.to == to:
            raise Refused("It waits to be done by hand, as the thread says. Press Done by hand on the card once it is.")
        if now and now.state in ("in_force", "accepted") and now.to == to:
            raise Refused(f"{flag or 'The code deployment'} was switched already; nothing is done twice.")
        data: dict[str, Json] = {"flag": flag, "to": to, "kind": kind}
        facts = [Fact(about=incident.id, kind="incident.switch_asked", actor=by, data=data)]
        if incident.status == INVESTIGATING:
            facts.append(Fact(about=incident.id, kind="incident.status", actor=by, data={"to": "mitigating"}))
        return (*facts, *self._milestone(incident, by, "acknowledged"))

    def by_hand(self, by: str, record: str, switch: str) -> tuple[Fact, ...]:
        """What had to be done by hand was done."""
        incident = self.runs(by, record)
        found = next((each for each in incident.switches if each.id == switch), None)
        if found is None or found.state != "manual":
            raise Refused("Nothing there waits for a hand any more.")
        data: dict[str, Json] = {
            "switch": switch, "flag": found.flag, "to": found.to, "by": found.by, "state": "in_force",
            "answer": "done by hand", "in_force_at": self._ports.clock.now().isoformat(), "way_back": found.way_back,
        }
        kind = "incident.switched" if found.flag else "incident.reverted"
        return (Fact(about=incident.id, kind=kind, actor=by, data=data),)

    def resolve(self, by: str, record: str, fixed_by: str) -> tuple[Fact, ...]:
        """Say that it is over and what fixed it; from now on it is watched."""
        incident = self.runs(by, record, going=True)
        fixed_by = " ".join(fixed_by.split())
        if not fixed_by:
            raise Refused(f"Say what fixed it: press Resolve on the card of {incident.id}.")
        facts = [Fact(about=incident.id, kind="incident.resolved", actor=by, data={"fixed_by": fixed_by})]
        for name in ("acknowledged", "mitigated", "resolved"):
            facts += self._milestone(incident, by, name)
        return tuple(facts)

    def reopen(self, by: str, record: str) -> tuple[Fact, ...]:
        """It was not over after all."""
        known = incidents.read(self._ports, record)
        incident = self.runs(by, record)
        if incident.open:
            raise Refused(f"{incident.id} is open already.")
        if incident.same_as:
            raise Refused(f"{incident.id} is the same as {incident.same_as}, where it goes on.")
        if known.record.status is Status.ENDED:
            raise Refused(f"The report of {incident.id} is published. Open a new one: /incident open {incident.title}")
        return (Fact(about=incident.id, kind="incident.reopened", actor=by, data={"why": "it came back"}),)

    # The timeline

    def note(self, by: str, record: str, text: str, channel: str = "") -> tuple[Fact, ...]:
        """Write something down; every member may, also after it was closed."""
        incident = self.read(by, record, channel).incident
        if not text.strip():
            raise Refused(f"Say what to note: /incident note {incident.id} TEXT")
        data: dict[str, Json] = {
            "at": self._ports.clock.now().isoformat(), "source": "command", "author": by, "permalink": "", "files": [],
        }
        return (Fact(about=incident.id, kind="incident.noted", actor=by, data=data, private=text.strip()),)

    def correct(self, by: str, record: str, ref: str, at: datetime | None, text: str, key: bool) -> tuple[Fact, ...]:
        """Give an entry another time or text, or call it a key moment; what stood there before stays to be seen."""
        incident = self.runs(by, record)
        note = incident.notes.by_ref.get(ref)
        if note is None or ref not in incident.notes:
            raise Unknown("That is not on the timeline.")
        facts = []
        now = self.text(note)
        changed = text.strip() if text.strip() and text.strip() != (now or "") else ""
        moved = at if at and abs((at - note.moment).total_seconds()) >= 60 else None
        if changed or moved:
            data: dict[str, Json] = {"entry": ref, "at": moved.isoformat() if moved else None}
            facts.append(Fact(about=incident.id, kind="incident.corrected", actor=by, data=data, private=changed))
        if key != (by in note.marked):
            stamp = self._ports.clock.now().isoformat()
            facts.append(Fact(about=incident.id, kind="incident.key", actor=by,
                              data={"entry": ref, "off": not key, "stamp": stamp}))
        if not facts:
            raise Refused("Nothing was changed.")
        return tuple(facts)

    def text(self, note: Note) -> str | None:
        """What a note says now; None where its text is gone."""
        return self._ports.shelves.private(note.text_of) if note.text_of else None

    def runs(self, by: str, record: str, *, going: bool = False) -> Incident:
        """The incident for somebody who may run it: an operator, or one who is on call. `going`: only while open."""
        incident = self.read(by, record).incident
        policy, person = self._policy(incident.project), self._ports.people.find(by)
        if not _on_call(person, policy):
            require_operator(person, policy)
        if going and not incident.open:
            raise Refused(f"{incident.id} is resolved. Press Reopen on its card if it is not over.")
        return incident

    def _leads(self, incident: Incident, by: str, person: str) -> tuple[Fact, ...]:
        # Two at the same moment: the fold takes the one that was first, since the other names a leader that is gone.
        data: dict[str, Json] = {"role": COMMANDER, "person": person, "from": incident.commander}
        lead = Fact(about=incident.id, kind="incident.role", actor=by, data=data)
        return (lead, *self._milestone(incident, by, "acknowledged"))

    def _milestone(self, incident: Incident, by: str, name: str) -> list[Fact]:
        if name in incident.milestones:
            return []
        at = self._ports.clock.now().isoformat()
        return [Fact(about=incident.id, kind="incident.milestone", actor=by, data={"name": name, "at": at})]

    def _last_promotion(self, incident: Incident) -> tuple[str, Promotion] | None:
        """The newest promotion that changed production before the incident, the named one first."""
        found = []
        for record in self._ports.journal.find(kind="promotion", project=incident.project, limit=100_000):
            p = Promotion.of(self._ports.journal.entries(about=record.id))
            if p.committed:
                found.append((record.id == incident.promotion, max(c.at for c in p.committed.values()), record.id, p))
        if not found:
            return None
        _, _, record_id, p = max(found, key=lambda each: each[:3])
        return record_id, p

    def _policy(self, project: str) -> Policy:
        if project not in self._ports.projects:
            raise Unknown(f"There is no project {project}.")
        return self._ports.projects[project].policy


def _on_call(person: Person, policy: Policy) -> bool:
    return person.full_member and bool({person.id, *person.groups} & set(policy.incidents.on_call))


def alike(title: str, known: Iterable[Known]) -> tuple[Known, ...]:
    """Those whose title shares two words or more with this one, for somebody who is about to open another."""
    mine = words(title)
    return tuple(each for each in known if len(mine & words(each.incident.title)) >= 2)[:3]

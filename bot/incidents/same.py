"""Two incidents that turn out to be one: the later one ends, and what it was goes on in the other."""

from __future__ import annotations

from bot.domain.entry import Fact, Json
from bot.domain.incident import Incident
from bot.domain.record import Status
from bot.errors import Refused
from bot.incidents import records as incidents
from bot.incidents.records import Known
from bot.incidents.verbs import Responding
from bot.world import Ports


class Joining:
    """Says that an incident is the same as another; who may run both may."""

    def __init__(self, ports: Ports, responding: Responding) -> None:
        self._ports, self._responding = ports, responding

    def others(self, by: str, incident: Incident) -> tuple[Incident, ...]:
        """Incidents that this one may be the same as, newest first; at most 20."""
        live = incidents.every(self._ports, Status.LIVE)
        fitting = [known.incident for known in live if not _why_not(incident, known)]
        person = self._ports.people.find(by)
        seen = [each for each in fitting if incidents.sees(self._ports, by, each, incident.channel, person.groups)]
        return tuple(reversed(seen))[:20]

    def join(self, by: str, record: str, other: str, why: str = "") -> tuple[Fact, ...]:
        """The facts by which `record` ends and goes on as a part of `other`."""
        mine, into = self._responding.runs(by, record), self._responding.runs(by, other)
        if mine.same_as:
            raise Refused(f"{mine.id} is the same as {mine.same_as} already.")
        if incidents.read(self._ports, mine.id).record.status is Status.ENDED:
            raise Refused(f"The report of {mine.id} is published; it stays an incident of its own.")
        if why := _why_not(mine, incidents.read(self._ports, into.id)):
            raise Refused(why)
        data: dict[str, Json] = {"into": into.id, "title": into.title, "why": " ".join(why.split())}
        facts = [
            Fact(about=mine.id, kind="incident.joined", actor=by, data=data),
            Fact(about=into.id, kind="incident.took_in", actor=by, data={
                "from": mine.id, "title": mine.title, "severity": str(mine.severity), "people": mine.people,
            }),
        ]
        seen, known = mine.milestones.get("detected"), into.milestones.get("detected")
        if seen and known and seen < known:
            earlier: dict[str, Json] = {"name": "detected", "at": seen.isoformat()}
            facts.append(Fact(about=into.id, kind="incident.milestone", actor=by, data=earlier))
        return tuple(facts)


def _why_not(mine: Incident, other: Known) -> str:
    """Why one incident cannot be a part of the other; nothing where it can."""
    into = other.incident
    if into.id == mine.id:
        return f"{mine.id} is itself. Say which other one it is the same as."
    if into.same_as:
        return f"{into.id} is the same as {into.same_as}. Name that one."
    if into.project != mine.project:
        return f"{into.id} is of the project {into.project}, {mine.id} of {mine.project}: each frees its own."
    if (into.private, into.channel if into.private else "") != (mine.private, mine.channel if mine.private else ""):
        return "A private incident shares its words with none outside of its channel."
    if other.record.status is Status.ENDED:
        return f"The report of {into.id} is published. Resolve {mine.id} on its own, and say there what it was."
    return ""

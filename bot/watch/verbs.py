"""What people can say about alerts; every answer is facts for the journal, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.alert import COUNTERS, KIND, Alert, Counters
from bot.domain.entry import Fact
from bot.domain.project import Environment
from bot.domain.record import Record, Status
from bot.domain.sighting import Sample
from bot.errors import Refused, Unknown
from bot.ports import Put
from bot.roles import require_member, require_operator
from bot.watch.raising import MUTED
from bot.world import Ports

MUTE_FOR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Messages as they came, for one operator's eyes."""

    alert: Alert
    samples: Sequence[Sample]


class Alerts:
    """The verbs. Who may is judged here, at the click."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def acknowledge(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Say that somebody looks at it: it stays silent until it has doubled. Any member may."""
        record, alert = self._live(record_id)
        require_member(self._ports.people.find(by), self._ports.projects[record.project].policy)
        if alert.acknowledged:
            raise Refused(f"{record_id} was acknowledged already.")
        doc = self._ports.shelves.get(COUNTERS, record_id)
        count = Counters.from_json(doc).count if doc else alert.raised.count
        return (Fact(about=record_id, kind="alert.acknowledged", actor=by, data={"count": count}),)

    def mute(self, by: str, record_id: str) -> tuple[tuple[Fact, ...], tuple[Put, ...]]:
        """Be silent about it for an hour, as an operator."""
        record, alert = self._live(record_id)
        require_operator(self._ports.people.find(by), self._ports.projects[record.project].policy)
        now = self._ports.clock.now()
        if alert.muted(now):
            raise Refused(f"{record_id} is muted already.")
        until = (now + MUTE_FOR).isoformat()
        put = Put(shelf=MUTED, key=f"{alert.project}:{alert.key}", doc={"until": until, "by": by})
        return (Fact(about=record_id, kind="alert.muted", actor=by, data={"until": until}),), (put,)

    def samples(self, by: str, record_id: str) -> Samples:
        """The messages as they came, for an operator; they hold what customers wrote."""
        record, alert = self._known(record_id)
        require_operator(self._ports.people.find(by), self._ports.projects[record.project].policy)
        tallies = self._ports.tallies
        found = tallies.samples(alert.project, Environment.PRODUCTION, alert.fingerprint) if tallies else []
        return Samples(alert=alert, samples=found)

    def erase(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Take the messages away for good, as an operator."""
        record, alert = self._known(record_id)
        require_operator(self._ports.people.find(by), self._ports.projects[record.project].policy)
        tallies = self._ports.tallies
        gone = tallies.erase_samples(alert.project, Environment.PRODUCTION, alert.fingerprint) if tallies else 0
        if not gone:
            raise Refused(f"There are no samples of {record_id} any more.")
        return (Fact(about=record_id, kind="alert.erased", actor=by, data={"samples": gone}),)

    def _live(self, record_id: str) -> tuple[Record, Alert]:
        record, alert = self._known(record_id)
        if record.status is Status.ENDED:
            raise Refused(f"{record_id} is over already.")
        return record, alert

    def _known(self, record_id: str) -> tuple[Record, Alert]:
        record = self._ports.journal.load(record_id)
        if record is None or record.kind != KIND or record.project not in self._ports.projects:
            raise Unknown(f"There is no alert {record_id}.")
        return record, Alert.of(self._ports.journal.entries(about=record_id))

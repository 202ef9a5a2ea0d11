"""From signals to alerts: a new key opens one, a known one moves its counters; each once, whatever dies meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import structlog

from bot.domain.alert import COUNTERS, SERIES, Alert, Counters, raised
from bot.domain.entry import Fact, Json
from bot.domain.faults import key_of
from bot.domain.record import Status
from bot.domain.sighting import Fault
from bot.domain.signal import Signal
from bot.policy import Policy
from bot.ports import Put, Take
from bot.watch.folding import Group, folded, groups, storm
from bot.world import Ports

log = structlog.get_logger(__name__)

SHELF = "alerts"
"""By `PROJECT:KEY`: the alert that told of this key last, and what of its count is not this alert's."""

MEMBERS = "alert-members"
"""By record: what a storm stands for, as `{key: [count, words]}`."""

RAISED = "alert-raised"
"""By project: when alerts of each group were raised within the last hour."""

HOUR = timedelta(hours=1)
WORDS = 160
MOST_MEMBERS = 1000


@dataclass(frozen=True, kw_only=True)
class Held:
    """The live alert of a key."""

    record: str
    base: int
    member: bool
    """Whether it only shares that alert."""


def held(ports: Ports, project: str, key: str) -> Held | None:
    """The alert that tells of this key now."""
    doc = ports.shelves.get(SHELF, f"{project}:{key}")
    if doc is None:
        return None
    record = ports.journal.load(str(doc["record"]))
    if record is None or record.status is Status.ENDED:
        return None
    base = doc.get("base")
    return Held(record=record.id, base=base if isinstance(base, int) else 0, member=bool(doc.get("member")))


def told_before(ports: Ports, project: str, key: str) -> bool:
    """Whether an alert ever told of this key."""
    return ports.shelves.get(SHELF, f"{project}:{key}") is not None


@dataclass(frozen=True, kw_only=True)
class New:
    """An alert that is to be raised; its number comes with its opening."""

    signal: Signal
    base: int
    before: str
    """The alert that told of this key last."""
    members: tuple[Signal, ...]
    """What it stands for, where it is a storm."""


class Raising:
    """One round for one project: everything it decides goes into the journal in one transaction."""

    def __init__(self, ports: Ports, project: str) -> None:
        self._ports, self._project = ports, project
        self._policy: Policy = ports.projects[project].policy
        self._now = ports.clock.now()
        self._new: list[New] = []
        self._puts: list[Put] = []
        self._members: dict[str, dict[str, tuple[int, str]]] = {}

    def settle(self, signals: Sequence[Signal], puts: Sequence[Put] = (), totals: Mapping[str, int] | None = None) -> (
        tuple[str, ...]
    ):
        """Raise and count; `puts` are written along. Returns the alerts that were opened.

        A signal's `count` is that of its alert; `totals` are the counts of their accounts by key, where those are more.
        """
        new: list[Signal] = []
        for signal in signals:
            if self._muted(signal):
                continue
            if live := held(self._ports, self._project, signal.key):
                self.count(live, signal)
            else:
                new.append(signal)
        for group in groups(new):
            self._open_group(group, totals or {})
        self._keep_members()
        opened: tuple[str, ...] = ()
        if self._new:
            entries = self._ports.journal.open(lambda take: self._opens(take, puts))
            opened = tuple(entry.about for entry in entries or ())
        elif self._puts or puts:
            self._ports.journal.append((), puts=(*puts, *self._puts))
        for record in opened:
            log.info("alert.raised", record=record, project=self._project)
            self._ports.wake(record)
        if opened or self._puts:
            self._ports.tell()
        return opened

    def count(self, live: Held, signal: Signal, rate: float | None = None, trend: str = "") -> None:
        """Move the counters of an alert that is told already."""
        if live.member:
            self._member(live.record, signal)
            return
        doc = self._ports.shelves.get(COUNTERS, live.record)
        if doc:
            counters = Counters.from_json(doc).after(signal, self._now, rate, trend)
            self._puts.append(Put(shelf=COUNTERS, key=live.record, doc=counters.to_json()))

    def count_fault(self, live: Held, fault: Fault, rate: float, trend: str) -> None:
        """The same for more of a fault of the logs."""
        if live.member:
            self._members_of(live.record)[key_of(fault)] = (fault.total, fault.template[:WORDS])
            return
        doc = self._ports.shelves.get(COUNTERS, live.record)
        if doc:
            before = Counters.from_json(doc)
            self._puts.append(Put(shelf=COUNTERS, key=live.record, doc=replace(
                before, count=max(before.count, fault.total - live.base), first=min(before.first, fault.first_seen)
                if not live.base else before.first, last=max(before.last, fault.last_seen), seen=self._now,
                rate=round(rate, 2), trend=trend,
            ).to_json()))

    # Opening

    def _open_group(self, group: Group, totals: Mapping[str, int]) -> None:
        shared = held(self._ports, self._project, group.key)
        recent = self._recent()
        own, rest = folded(group, Counter(key for key, _ in recent), self._policy.watch.new_an_hour)
        for signal in own:
            self._open(signal, totals.get(signal.key, signal.count) - signal.count)
        if own and not group.key.startswith("own:"):
            times: list[Json] = [[key, at.isoformat()] for key, at in [*recent, *((group.key, self._now) for _ in own)]]
            self._puts.append(Put(shelf=RAISED, key=self._project, doc={"times": times}))
        if not rest:
            return
        if shared:
            for signal in rest:
                self._member(shared.record, signal)
                self._puts.append(self._shares(shared.record, signal))
        else:
            members = {each.key: (each.count, each.said[:WORDS]) for each in rest}
            self._open(storm(group.key, members, rest), 0, rest)

    def _open(self, signal: Signal, base: int, members: Sequence[Signal] = ()) -> None:
        before = self._ports.shelves.get(SHELF, f"{self._project}:{signal.key}")
        if signal.attach:   # a whole difference of catalogs may be long: the chain holds its hash
            signal = replace(signal, attach=self._ports.shelves.keep(signal.attach.encode()))
        self._new.append(New(
            signal=signal, base=base, before=str(before["record"]) if before else "", members=tuple(members),
        ))

    def _opens(self, take: Take, puts: Sequence[Put]) -> tuple[list[Fact], list[Put]]:
        """The new alerts with everything else that this round decided."""
        facts, kept = list[Fact](), [*puts, *self._puts]
        for new in self._new:
            record = take(SERIES)
            fact = raised(record, self._project, new.signal, self._now, new.before)
            facts.append(fact)
            counters = fact.data["counters"]
            assert isinstance(counters, dict)
            if new.members:
                members = {each.key: (each.count, each.said[:WORDS]) for each in new.members[:MOST_MEMBERS]}
                kept += [_members(record, members), *(self._shares(record, each) for each in new.members)]
            kept.append(Put(shelf=COUNTERS, key=record, doc=counters))
            doc: dict[str, Json] = {"record": record, "base": new.base}
            kept.append(Put(shelf=SHELF, key=f"{self._project}:{new.signal.key}", doc=doc))
        return facts, kept

    def _shares(self, record: str, signal: Signal) -> Put:
        """That this key is told of by an alert that it shares."""
        doc: dict[str, Json] = {"record": record, "base": 0, "member": True}
        return Put(shelf=SHELF, key=f"{self._project}:{signal.key}", doc=doc)

    def _recent(self) -> list[tuple[str, datetime]]:
        doc = next((put.doc for put in reversed(self._puts) if put.shelf == RAISED), None)
        doc = doc or self._ports.shelves.get(RAISED, self._project) or {}
        times = doc.get("times")
        found = [(str(each[0]), datetime.fromisoformat(str(each[1])))
                 for each in (times if isinstance(times, list) else []) if isinstance(each, list)]
        return [(key, at) for key, at in found if self._now - at < HOUR]

    # Storms

    def _member(self, record: str, signal: Signal) -> None:
        members = self._members_of(record)
        if signal.key in members or len(members) < MOST_MEMBERS:
            members[signal.key] = (signal.count, signal.said[:WORDS])

    def _members_of(self, record: str) -> dict[str, tuple[int, str]]:
        if record not in self._members:
            kept = self._ports.shelves.get(MEMBERS, record) or {}
            self._members[record] = {
                key: (int(str(each[0])), str(each[1])) for key, each in kept.items() if isinstance(each, list)
            }
        return self._members[record]

    def _keep_members(self) -> None:
        for record, members in self._members.items():
            self._puts.append(_members(record, members))
            if before := self._ports.shelves.get(COUNTERS, record):
                counters = Counters.from_json(before)
                total = sum(count for count, _ in members.values())
                if total != counters.count:
                    moved = counters.counting(total, self._now)
                    self._puts.append(Put(shelf=COUNTERS, key=record, doc=moved.to_json()))

    # Muting

    def _muted(self, signal: Signal) -> bool:
        """Whether nobody is to be told of a new alert about this; one that is told already keeps counting."""
        if held(self._ports, self._project, signal.key):
            return False
        return muted(self._policy, signal, self._now) or muted_key(
            self._ports, self._project, signal.key, self._now,
        )


MUTED = "alert-muted"


def _members(record: str, members: Mapping[str, tuple[int, str]]) -> Put:
    return Put(shelf=MEMBERS, key=record, doc={key: [count, said] for key, (count, said) in members.items()})


def muted(policy: Policy, signal: Signal | Alert, now: datetime) -> bool:
    """Whether a mute of the policy covers a signal or an alert."""
    text = f"{signal.title}\n{signal.said}".lower()
    return any(now < mute.until and fnmatchcase(text, f"*{mute.pattern.lower().strip('*')}*")
               for mute in policy.mutes)


def muted_key(ports: Ports, project: str, key: str, now: datetime) -> bool:
    """Whether somebody muted this key, though its alert has ended meanwhile."""
    doc = ports.shelves.get(MUTED, f"{project}:{key}")
    return bool(doc and datetime.fromisoformat(str(doc["until"])) > now)

"""Learning: while a project is new, its faults are gathered into one digest instead of an alert each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.domain.sighting import Fault
from bot.domain.signal import Level, Signal
from bot.ports import Put
from bot.watch.folding import top
from bot.world import Ports

SHELF = "learning"
KEY = "learned"


@dataclass(frozen=True, kw_only=True)
class Course:
    """Where a project stands: since when its logs are judged, until when it learns, whether its digest was told."""

    since: datetime
    until: datetime
    now: datetime
    project: str
    digest: Signal | None = None
    first: bool = False
    finished: bool = False
    """Whether it has ended since the last time; the digest is told then, where there is anything to tell."""

    @property
    def puts(self) -> tuple[Put, ...]:
        if not (self.first or self.finished):
            return ()
        doc: dict[str, Json] = {"since": self.since.isoformat(), "told": self.now >= self.until}
        return (Put(shelf=SHELF, key=self.project, doc=doc),)

    def knows(self, fault: Fault) -> bool:
        """Whether it was there while Stagedoor learned."""
        return fault.first_seen < self.until and self.until > self.since

    def let_through(self, signals: Sequence[Signal]) -> tuple[Signal, ...]:
        """What is told: while it learns only what cannot wait, and afterwards the digest, once."""
        urgent = tuple(each for each in signals if self.now >= self.until or each.level is Level.FATAL or each.cause)
        return (*urgent, self.digest) if self.digest else urgent


def course(ports: Ports, project: str, learning: timedelta) -> Course:
    """Where a project stands now."""
    now, doc = ports.clock.now(), ports.shelves.get(SHELF, project)
    since = datetime.fromisoformat(str(doc["since"])) if doc else now
    found = Course(since=since, until=since + learning, now=now, project=project, first=doc is None)
    if doc and not doc.get("told") and now >= found.until:
        return replace(found, finished=True, digest=_digest(ports, found))
    return found


def over(ports: Ports, project: str, learning: timedelta) -> bool:
    """Whether the digest is due."""
    doc = ports.shelves.get(SHELF, project)
    return bool(doc) and not (doc or {}).get("told") and course(ports, project, learning).until <= ports.clock.now()


def _digest(ports: Ports, course: Course) -> Signal | None:
    assert ports.tallies is not None
    faults = [each for each in ports.tallies.faults(course.project, Environment.PRODUCTION) if course.knows(each)]
    if not faults:
        return None
    members = {each.fingerprint: (each.total, each.template) for each in faults}
    return Signal(
        key=KEY, rule="learning", title=f"{len(faults)} known faults in production", level=Level.NOTICE,
        said="They were there while Stagedoor learned. New ones are told from now on, and these if they get worse.",
        count=sum(each.total for each in faults), first=min(each.first_seen for each in faults),
        last=max(each.last_seen for each in faults), top=top(members),
    )

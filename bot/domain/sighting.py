"""Sightings: what the logs say went wrong, one event at a time, and the accounts that are kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.project import Environment

DEDUPLICATED = timedelta(hours=26)
"""How far back an event may lie: as far as the logs can be asked for, and two hours. What is older is not counted,
since nobody could say any more whether it was counted before."""

COUNTED = "counted"
"""The channel by which it is noted up to when requests were counted where nobody delivers them."""

AGREED = "agreed"
"""The channel by which it is noted that the drain and the Management API were seen to call one event by one id."""

MOST_HITS = 50
"""How many different roles, addresses and so on are remembered of one fault; `Hits.more` says that there were more."""


class Source(StrEnum):
    """Which part of a project spoke. `DATABASE` is for what Stagedoor saw in the database itself, not in a log."""

    POSTGRES = "postgres"
    EDGE_FUNCTION = "edge_function"
    AUTH = "auth"
    STORAGE = "storage"
    POSTGREST = "postgrest"
    EDGE = "edge"
    DATABASE = "database"


class Severity(StrEnum):
    """How bad it is. `SLOW` is a statement over the policy's limit, `HTTP_5XX` an answer of 500 or above."""

    PANIC = "PANIC"
    FATAL = "FATAL"
    ERROR = "ERROR"
    SLOW = "SLOW"
    HTTP_5XX = "5XX"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One event that counts, with all literals taken out of what may be shown.

    `mark` is a signed 64-bit hash of the event's identity: the same event from the other source, or sent twice, has
    the same one. `sample` is the message as it came, scrubbed, for operators alone; it is kept apart and expires.
    """

    project: str
    environment: Environment
    source: Source
    severity: Severity
    sqlstate: str = ""
    fingerprint: str
    """64 bits in hex: the same fault with other literals has the same one."""
    template: str
    """What may be shown in a channel."""
    at: datetime
    """When it happened; the time of arrival where the event's clock is ahead of ours."""
    mark: int
    role: str = ""
    """The database role."""
    application: str = ""
    address: str = ""
    """A keyed hash, never the address itself."""
    session: str = ""
    query: str = ""
    """The fingerprint of the statement, where one was logged."""
    objects: tuple[str, ...] = ()
    """Tables, columns, functions and constraints that it names, in small letters, as far as the message tells."""
    sample: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A span of a project's logs that was never seen, and never will be."""

    project: str
    environment: Environment
    begin: datetime
    end: datetime
    why: str
    """A sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far one channel (`poll`, `drain`, `COUNTED`, `AGREED`) of a project's logs was read.

    Everything up to `up_to` was seen, gaps apart; `heard` is when the channel last answered or delivered.
    """

    project: str
    environment: Environment
    channel: str
    up_to: datetime
    heard: datetime
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests of one minute that a log told of, whatever they were answered; `service` as `answers.Service` has it."""

    project: str
    environment: Environment
    service: str
    source: Source
    minute: int
    """Minutes since 1970."""
    count: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """For what a drain speaks: everything of these sources from `begin` on; what a `Reach` of it has as its cursor.

    `before` is up to when it spoke the last time, before the gap that ended with `begin`.
    """

    begin: datetime
    before: datetime
    sources: frozenset[Source]

    def brought(self, source: Source, at: datetime, up_to: datetime) -> bool:
        """Whether it brought what happened then, if it got as far as `up_to`."""
        return source in self.sources and (at <= self.before or self.begin <= at <= up_to)

    def __str__(self) -> str:
        return " ".join([self.begin.isoformat(), self.before.isoformat(), *sorted(self.sources)])

    @classmethod
    def of(cls, reach: Reach | None) -> Spoken | None:
        """None for a drain that nobody noted this of."""
        if reach is None or not reach.cursor:
            return None
        begin, before, *sources = reach.cursor.split()
        return cls(datetime.fromisoformat(begin), datetime.fromisoformat(before), frozenset(map(Source, sources)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What goes into the account in one transaction: sightings in any order, how far was read, what was missed."""

    sightings: Sequence[Sighting] = ()
    reached: Sequence[Reach] = ()
    gaps: Sequence[Gap] = ()
    asked: Sequence[Asked] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Hits:
    """Who met the fault: at most `MOST_HITS` different ones of each."""

    roles: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    """Which of the above are cut off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """The account of one fingerprint in one environment of a project."""

    project: str
    environment: Environment
    fingerprint: str
    source: Source
    severity: Severity
    sqlstate: str
    template: str
    objects: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    """Both are times of events: a late row may move the first one back."""
    total: int
    place: int
    """Its number in the store."""
    fold: int
    """The number of the fold that touched it last: `Tallies.touched(since=fold)` goes on from there."""
    hits: Hits = field(default_factory=Hits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A message as it came: private, erasable, gone at `expires`."""

    at: datetime
    expires: datetime
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Folded:
    """What became of a fold: the number it got (0 where nothing counted), what was new, and what was known before."""

    fold: int = 0
    counted: int = 0
    again: int = 0
    """Sightings that had been counted before, or that came twice in these batches."""
    faults: Sequence[Fault] = ()
    """The accounts that it touched, as they stand now."""


def hour_of_week(at: datetime) -> int:
    """0 for Monday 00:00 to 00:59 UTC, 167 for the last hour of Sunday."""
    return at.weekday() * 24 + at.hour


def baseline(hours: Mapping[datetime, int], at: datetime, since: datetime) -> tuple[int, ...]:
    """Counts of the same hour of the week as `at` in the weeks before, newest first, back to `since`.

    `hours` are counts by full hour, as `Tallies.per_hour` returns them; weeks without any count as 0. An empty
    answer means that there is too little history to say anything.
    """
    hour = at.replace(minute=0, second=0, microsecond=0) - timedelta(weeks=1)
    counts = []
    while hour >= since:
        counts.append(hours.get(hour, 0))
        hour -= timedelta(weeks=1)
    return tuple(counts)

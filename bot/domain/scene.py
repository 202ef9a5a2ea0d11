"""A scene: everything that is known of a project's production at one moment, for the alert rules to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.answers import Answers
from bot.domain.reading import Reading, Statement
from bot.domain.sighting import Fault


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What counts as trouble, as the policy's `[watch]` says; durations, milliseconds, percent."""

    slow_query_ms: int = 1000
    error_threshold: int = 1
    blocked: timedelta = timedelta(seconds=30)
    idle_in_transaction: timedelta = timedelta(minutes=5)
    long_transaction: timedelta = timedelta(minutes=15)
    connections_percent: int = 90
    failing_requests: int = 5
    failing_percent: int = 5
    unseen: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Recent:
    """A promotion that is in production and watched: since when, until when, and the names of what it touched.

    Names are in small letters as SQL writes them: `public.books`, `public.books.title`, `public.total(integer)`.
    """

    id: str
    since: datetime
    until: datetime
    touched: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A record about production that stands still and may need a person."""

    id: str
    kind: str
    said: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """Production's history or catalog is not what it was, and no record of ours did it.

    `difference` is what changed, object by object; `sql` a draft of a migration that says the same.
    """

    at: datetime
    since: datetime
    head_before: str | None
    head: str | None
    difference: str = ""
    sql: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unread: str = ""


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Since when a database does not answer, and what it says instead."""

    since: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class Blind:
    """A part of production that nobody sees now, why, and since when; `mend` is a sentence.

    `lost` says that it was seen before, or that something refuses it, not that it was never set up.
    """

    what: str
    why: str
    since: datetime
    mend: str = ""
    lost: bool = False


@dataclass(frozen=True, kw_only=True)
class Account:
    """A fault with its history: counts by full minute of the last hour, by full hour of the last nine weeks.

    `since` is from when on its project's logs were counted. `known` says that it is older than what people want to
    hear of: it was there while Stagedoor learned, or an alert told of it before.
    """

    fault: Fault
    minutes: Mapping[datetime, int] = field(default_factory=dict)
    hours: Mapping[datetime, int] = field(default_factory=dict)
    since: datetime | None = None
    known: bool = False

    def within(self, span: timedelta, now: datetime) -> int:
        """Events of the last minutes; the minute that has begun counts whole."""
        return sum(count for minute, count in self.minutes.items() if minute > now - span - timedelta(minutes=1))

    def at_most_within(self, span: timedelta) -> int:
        """The most events that any such span held since the account began; of what lies over an hour back, all."""
        if not self.minutes:
            return self.fault.total
        return max(
            sum(count for minute, count in self.minutes.items() if begin <= minute < begin + span)
            for begin in self.minutes
        )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One moment. `before` are the statements as they were remembered, by the server's id.

    `counted` are their counts from which on runs are judged, where that is later than `before`: what a migration
    ran itself is nobody's slow query.
    """

    project: str
    now: datetime
    limits: Limits = Limits()
    accounts: tuple[Account, ...] = ()
    answers: tuple[Answers, ...] = ()
    reading: Reading | None = None
    before: Mapping[str, Statement] | None = None
    counted: Mapping[str, Statement] | None = None
    change: Change | None = None
    recent: tuple[Recent, ...] = ()
    standing: tuple[Standing, ...] = ()
    silent: Silence | None = None
    blind: tuple[Blind, ...] = ()

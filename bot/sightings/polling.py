"""Polling one environment's logs: from where it was left, page by page, with an overlap for rows that come late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.sighting import AGREED, COUNTED, Asked, Batch, Gap, Reach, Severity, Sighting, Source, Spoken
from bot.ports import PAGE, Clock, Cursor, LogSource, Page, PollTrouble, Row, Tallies
from bot.sightings.funnel import Funnel
from bot.sightings.recognising import Recogniser
from bot.sightings.shapes import EPOCH, Wire, from_attributes

log = structlog.get_logger(__name__)

PAGES: Final = 5
"""Pages of one refresh; what is behind them comes with the next, so that one project never holds up the others."""
OVERLAP: Final = timedelta(seconds=60)
DEEP: Final = timedelta(minutes=10)
DEEP_EVERY: Final = timedelta(minutes=5)
"""Now and then more is read again: some rows take minutes until they can be asked for."""
REACH: Final = timedelta(hours=24) - timedelta(minutes=2)
"""How far back the endpoint answers, but for what its rounding takes."""
PER_MINUTE: Final = 20
"""Requests of one project: its budget. The endpoint before this one allowed 30."""
SLOWER: Final = 4
"""How much slower a quiet project is polled."""
BUSY: Final = timedelta(minutes=5)
"""How long after a sighting a project is not quiet."""
BESIDE_DRAIN: Final = timedelta(minutes=5)
"""How often a project is polled whose drain delivers: a batch that was lost on its way is found."""
DRAIN_ALIVE: Final = timedelta(minutes=2)
LONGEST_BREATH: Final = timedelta(minutes=2)
MINUTE: Final = timedelta(minutes=1)
COUNTED_EVERY: Final = timedelta(minutes=5)
"""How often it is asked how many requests there were, whatever they were answered; at once where some failed."""
FARTHEST_COUNTED: Final = timedelta(hours=1)
SETTLED: Final = timedelta(seconds=30)
"""How old a minute is at least before its requests are counted, once: rows come a little late."""


@dataclass(kw_only=True)
class Poller:
    """One environment. `hurried` says whether a promotion is being watched there."""

    source: LogSource
    recogniser: Recogniser
    funnel: Funnel
    tallies: Tallies
    clock: Clock
    every: timedelta
    hurried: Callable[[], bool]
    trouble: str = ""
    """Why its logs are not read now; empty while they are."""
    requests: int = 0
    _asked: deque[datetime] = field(default_factory=deque)
    _failures: int = 0
    _deep: datetime = EPOCH
    _sighted: datetime = EPOCH
    _failed: bool = False

    def poll(self) -> datetime:
        """Read what is new; returns when to come again. Whatever goes wrong is told in `trouble`."""
        now = self.clock.now()
        reached = self.tallies.reached(self.recogniser.project, self.recogniser.environment)
        try:
            due = self._read(now, reached.get("poll"))
        except PollTrouble as trouble:
            return self._later(trouble, now)
        if self.trouble:
            log.info("logs.read_again", project=self.recogniser.project, environment=self.recogniser.environment)
        self.trouble, self._failures = "", 0
        if due is None:
            self._count_requests(now, reached)
        return due or now + self._pause(now, reached.get("drain"))

    def _read(self, now: datetime, reach: Reach | None) -> datetime | None:
        """Returns when to go on where something is left to read."""
        cursor, gaps = self._beginning(now, reach)
        for _ in range(PAGES):
            if wait := self._over_budget(now):
                return wait
            page = self._page(cursor, now)
            full = len(page.rows) >= PAGE
            if page.rows:
                cursor = Cursor(page.rows[-1].ms, page.rows[-1].id)
            up_to = now if not full else EPOCH + timedelta(milliseconds=cursor.ms)
            self._fold([_event(row) for row in page.rows], now, up_to, cursor if full else None, gaps)
            gaps = []
            if page.resume:
                return page.resume
            if not full:
                return None
        return now

    def _count_requests(self, now: datetime, reached: Mapping[str, Reach]) -> None:
        """Without it the shares of failing requests are not known; the logs are read all the same."""
        one, counted, drain = self.recogniser, reached.get(COUNTED), reached.get("drain")
        end = (now - SETTLED).replace(second=0, microsecond=0)
        begin = max(counted.up_to, end - FARTHEST_COUNTED) if counted else end - FARTHEST_COUNTED
        due = end - begin >= (MINUTE if self._failed else COUNTED_EVERY)
        spoken = Spoken.of(drain)
        told = drain is not None and now - drain.heard < DRAIN_ALIVE and (
            spoken is None or Source.EDGE in spoken.sources
        )
        if not due or told or self._over_budget(now):
            return
        self._count(now)
        try:
            found = self.source.requests(begin, end)
        except PollTrouble as trouble:
            log.warning("logs.requests_not_counted", project=one.project, why=str(trouble))
            return
        self._failed = False
        asked = [
            Asked(one.project, one.environment, each.service, each.source, each.minute, each.count) for each in found
        ]
        reach = Reach(project=one.project, environment=one.environment, channel=COUNTED, up_to=end, heard=now)
        self.funnel.fold(Batch(asked=asked, reached=[reach]))

    def _beginning(self, now: datetime, reach: Reach | None) -> tuple[Cursor, list[Gap]]:
        """Where to go on, and what is out of reach by now. A project that is new is read from a day ago."""
        oldest = now - REACH
        if reach is None:
            return _at(oldest), []
        if reach.cursor and reach.up_to >= oldest:
            ms, _, id = reach.cursor.partition(":")
            return Cursor(int(ms), id), []
        if reach.up_to < oldest:
            one = self.recogniser
            why = f"The logs could not be read{f' ({self.trouble})' if self.trouble else ''} until after their 24 h."
            return _at(oldest), [Gap(
                project=one.project, environment=one.environment, begin=reach.up_to, end=oldest, why=why,
            )]
        overlap = OVERLAP
        if now - self._deep >= DEEP_EVERY:
            overlap, self._deep = DEEP, now
        return _at(max(oldest, reach.up_to - overlap)), []

    def _page(self, cursor: Cursor, now: datetime) -> Page:
        for _ in range(2):
            self._count(now)
            try:
                return self.source.page(cursor, now)
            except PollTrouble as trouble:
                if not trouble.again or self._over_budget(now):
                    raise
        self._count(now)
        return self.source.page(cursor, now)

    def _trusted(self, sightings: Sequence[Sighting], reached: Mapping[str, Reach], now: datetime) -> list[Sighting]:
        """Without what a drain speaks for, unless it is known that both call one event by one id.

        Nobody promises that they do. Once an event that a drain brought is met again under its id, everything is
        folded: what is known counts nothing, and what the drain lost on its way is found.
        """
        one, drain, poll = self.recogniser, reached.get("drain"), reached.get("poll")
        spoken = Spoken.of(drain)
        if drain is None or spoken is None or AGREED in reached:
            return list(sightings)
        # What a drain that delivers now has not brought yet it will; if it does not, the deep look back finds it.
        up_to = now if now - drain.heard < DRAIN_ALIVE else drain.up_to
        brought = [each for each in sightings if spoken.brought(each.source, each.at, up_to)]
        first = [each.mark for each in brought if poll is None or each.at > poll.up_to]
        if self.tallies.known(first):
            note = Reach(project=one.project, environment=one.environment, channel=AGREED, up_to=now, heard=now)
            self.funnel.fold(Batch(reached=[note]))
            return list(sightings)
        return [each for each in sightings if not spoken.brought(each.source, each.at, up_to)]

    def _fold(
        self, events: Sequence[Wire], now: datetime, up_to: datetime, cursor: Cursor | None, gaps: Sequence[Gap],
    ) -> None:
        one, seen = self.recogniser, self.recogniser.seen(events, now)
        trusted = self._trusted(seen.sightings, self.tallies.reached(one.project, one.environment), now)
        newest = max((sighting.at for sighting in seen.sightings), default=EPOCH)
        self._sighted = max(self._sighted, newest)
        self._failed |= any(sighting.severity is Severity.HTTP_5XX for sighting in seen.sightings)
        reach = Reach(
            project=one.project, environment=one.environment, channel="poll", up_to=up_to, heard=now,
            cursor=str(cursor) if cursor else "",
        )
        self.funnel.fold(Batch(sightings=trusted, reached=[reach], gaps=gaps))

    def _pause(self, now: datetime, drain: Reach | None) -> timedelta:
        if self.hurried():
            return self.every
        if drain is not None and now - drain.heard < DRAIN_ALIVE:
            return max(BESIDE_DRAIN, self.every)
        return self.every if now - self._sighted < BUSY else self.every * SLOWER

    def _count(self, now: datetime) -> None:
        self._asked.append(now)
        self.requests += 1

    def _over_budget(self, now: datetime) -> datetime | None:
        while self._asked and now - self._asked[0] >= timedelta(minutes=1):
            self._asked.popleft()
        return self._asked[0] + timedelta(minutes=1) if len(self._asked) >= PER_MINUTE else None

    def _later(self, trouble: PollTrouble, now: datetime) -> datetime:
        self._failures += 1
        if self.trouble != str(trouble):
            one = self.recogniser
            log.warning("logs.not_read", project=one.project, environment=one.environment, why=str(trouble))
        self.trouble = str(trouble)
        breath = min(self.every * 2 ** min(self._failures - 1, 6), LONGEST_BREATH)
        return trouble.until or now + breath


def _at(moment: datetime) -> Cursor:
    return Cursor((moment - EPOCH) // timedelta(milliseconds=1) - 1)


def _event(row: Row) -> Wire:
    return Wire(
        id=row.id, timestamp=row.ms * 1000, event_message=row.message, source=row.source,
        metadata=from_attributes(row.attributes),
    )

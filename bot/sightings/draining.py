"""A log drain's batches: unpacked, read, and folded before anybody is told that they were taken."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.sighting import Batch, Gap, Reach, Source, Spoken
from bot.ports import Clock
from bot.sightings.funnel import Funnel
from bot.sightings.recognising import Recogniser, Seen
from bot.sightings.shapes import EPOCH, Wire
from bot.sightings.wire import Bad, Malformed, opened

LARGEST: Final = 32 << 20
"""Bytes of a batch when unpacked: 250 events of the 100,000 characters at which Supabase cuts them, and some more."""

BREAK: Final = timedelta(minutes=2)
"""How long a drain that speaks is silent at most; after that it may have lost something meanwhile."""

SETTLED: Final = timedelta(minutes=1)
TURNED_AWAY: Final = (
    "Batches of the log drain were not taken: too many waited, or the store was out of reach. It sends none again."
)

NOTED_EVERY: Final = timedelta(seconds=5)
"""How far was read is written with the next batch that counts, or after this long."""


class TooLarge(Exception):
    """The body unpacks to more than `LARGEST`."""


class Misdirected(Exception):
    """The events are another project's, or the other environment's."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    taken: int
    bad: Sequence[Bad] = ()
    test: bool = False
    counted: int = 0
    stale: int = 0
    ahead: int = 0


@dataclass(kw_only=True)
class Drain:
    """One environment's drain. `elsewhere` names the projects whose events do not belong here, by their ref."""

    recogniser: Recogniser
    funnel: Funnel
    clock: Clock
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], datetime] = lambda: EPOCH
    """Up to when an earlier process was brought something."""
    _noted: datetime | None = None
    alone: bool = False
    """Whether nobody asks for what it loses."""
    _lost: tuple[datetime, datetime] | None = None
    _heard: datetime = EPOCH
    _up_to: datetime | None = None
    _spoken: Spoken | None = None
    _asked: Counter[tuple[str, Source, int]] = field(default_factory=Counter)

    def read(self, body: bytes, *, gzipped: bool) -> tuple[Taken, Batch | None]:
        """What a body holds; the batch still has to be folded. Raises `Malformed`, `TooLarge` and `Misdirected`."""
        found = opened(unpacked(body) if gzipped else body)
        self._refuse_foreign(found.events)
        now = self.clock.now()
        seen = self.recogniser.seen(found.events, now)
        self._asked += seen.asked
        taken = Taken(len(found.events), found.bad, found.test, len(seen.sightings), seen.stale, seen.ahead)
        spoken = self._speaks(seen, now)
        if seen.newest is None or not (seen.sightings or self._noted is None or now - self._noted >= NOTED_EVERY):
            return taken, None
        self._noted = now
        one, asked = self.recogniser, self.recogniser.asked(self._asked)
        self._asked.clear()
        reach = Reach(
            project=one.project, environment=one.environment, channel="drain", up_to=seen.newest, heard=now,
            cursor=str(spoken),
        )
        return taken, Batch(sightings=seen.sightings, reached=[reach], asked=asked, gaps=self._gaps(now))

    def missed(self) -> None:
        """Something that was delivered was not taken: from the next batch on it speaks anew."""
        now = self.clock.now()
        self._spoken, self._lost = None, (self._lost[0] if self._lost else now, now)

    def _gaps(self, now: datetime) -> list[Gap]:
        """What was turned away and nobody asks for, once it has been quiet about it for a while."""
        if self._lost is None or now - self._lost[1] < SETTLED:
            return []
        (begin, end), self._lost = self._lost, None
        if not self.alone:
            return []
        one = self.recogniser
        return [Gap(project=one.project, environment=one.environment, begin=begin, end=end, why=TURNED_AWAY)]

    def _speaks(self, seen: Seen, now: datetime) -> Spoken:
        """From when on this drain brought everything, and of which sources."""
        if self._spoken is None or now - self._heard > BREAK:
            self._spoken = Spoken(seen.oldest or now, self._up_to or self.before(), frozenset())
        self._heard = now
        self._up_to = max(self._up_to or EPOCH, seen.newest or EPOCH)
        if not seen.sources <= self._spoken.sources:
            self._spoken = replace(self._spoken, sources=self._spoken.sources | seen.sources)
        return self._spoken

    def take(self, body: bytes, *, gzipped: bool) -> Taken:
        """Read and fold."""
        taken, batch = self.read(body, gzipped=gzipped)
        if batch is not None:
            self.funnel.fold(batch)
        return taken

    def _refuse_foreign(self, events: Sequence[Wire]) -> None:
        if not self.elsewhere:
            return
        for event in events:
            inner = event.metadata.project if event.metadata else None
            for ref in (event.identifier, event.project, inner):
                if ref is not None and ref in self.elsewhere:
                    raise Misdirected(f"these are events of {self.elsewhere[ref]}: point that drain at its own address")


def unpacked(body: bytes) -> bytes:
    """The body without gzip. Raises `Malformed`, and `TooLarge` before it is all in memory."""
    parts, size, rest = list[bytes](), 0, body
    try:
        while rest:
            member = zlib.decompressobj(wbits=31)
            part = member.decompress(rest, LARGEST + 1 - size)
            size += len(part)
            if size > LARGEST or member.unconsumed_tail:
                raise TooLarge
            if not member.eof:
                raise Malformed("the gzip stream breaks off")
            parts.append(part)
            rest = member.unused_data
    except zlib.error:
        raise Malformed("the body is not gzip, though its header says so") from None
    return b"".join(parts)


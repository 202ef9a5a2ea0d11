"""The calendar of a project: its windows without what freezes and holidays take away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.window import Closure, Span
from bot.policy import Window
from bot.windows.holidays import Holidays
from bot.windows.recurring import merged, spans

BEFORE = timedelta(days=8)
"""How far back is looked, so that a window that has been open for days begins where it began."""

HORIZONS = (timedelta(days=10), timedelta(days=45), timedelta(days=400))
"""How far ahead is looked for an opening, step by step."""

NO_HOLIDAYS = Holidays()

EVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The closing time of what does not close."""


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The policy's windows and those that were announced, minus freezes and holidays.

    Without windows in the policy deploys are always open, and an announced window is a time to meet in.
    """

    windows: tuple[Window, ...] = ()
    announced: tuple[Span, ...] = ()
    closures: tuple[Closure, ...] = ()
    holidays: Holidays = NO_HOLIDAYS

    @property
    def always_open(self) -> bool:
        """True where only freezes and holidays close anything."""
        return not self.windows

    def openings(self, since: datetime, until: datetime) -> tuple[Span, ...]:
        """The times at which a promotion may start, in order; the last one may reach past `until`."""
        if self.always_open:
            base: Iterable[Span] = (Span(start=since, end=EVER),)
        else:
            base = merged((*spans(self.windows, since, until), *self.announced))
        closed = self.closed(since, until)
        return tuple(
            left for span in base for left in _without(span, closed) if left.end > since and left.start < until
        )

    def closed(self, since: datetime, until: datetime) -> tuple[Closure, ...]:
        """The freezes and holidays that have a part in this time, by their start."""
        every = (*self.closures, *self.holidays.between(since, until))
        within = (each for each in every if each.start < until and (each.end is None or each.end > since))
        return tuple(sorted(within, key=lambda each: each.start))

    def closed_at(self, now: datetime) -> Closure | None:
        """The freeze or holiday that stands now; of several the one that ends last."""
        standing = [each for each in self.closed(now, now + timedelta(seconds=1)) if each.covers(now)]
        return max(standing, key=lambda each: each.end or EVER, default=None)

    def following(self, now: datetime, needs: timedelta = timedelta(), within: Span | None = None) -> Span | None:
        """The opening of now or the next one, in which so much time is left; None when there is none for a year.

        With `within`, only the part of an opening that lies in it counts.
        """
        for horizon in HORIZONS:
            for span in self.openings(now - BEFORE, now + horizon):
                part = span.overlap(within) if within else span
                if part and part.end > now and part.end - max(part.start, now) >= needs:
                    return part
        return None


def _without(span: Span, closures: Iterable[Closure]) -> Iterator[Span]:
    """What the closures, ordered by their start, leave of a span."""
    start = span.start
    for closure in closures:
        if closure.start >= span.end:
            break
        if start < closure.start:
            yield Span(start=start, end=closure.start)
        start = max(start, closure.end or EVER)
    if start < span.end:
        yield Span(start=start, end=span.end)

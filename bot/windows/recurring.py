"""The policy's windows as spans: midnight, clock changes, and windows that touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.window import Span
from bot.policy import Window


def spans(windows: Sequence[Window], since: datetime, until: datetime) -> Iterator[Span]:
    """Every occurrence that has a part in this time, whole, in no order."""
    for window in windows:
        day, last = since.astimezone(window.zone).date() - timedelta(days=2), until.astimezone(window.zone).date()
        wanted = {weekday.number for weekday in window.days}
        while day <= last:
            if day.weekday() in wanted:
                # A local time that a clock change skips is read as Python reads it: as if the clocks had not
                # changed yet. Of one that comes twice it is the first.
                start = datetime.combine(day, window.start, window.zone).astimezone(UTC)
                ends = day + timedelta(days=1) if window.crosses_midnight else day
                end = datetime.combine(ends, window.end, window.zone).astimezone(UTC)
                if start < end and start < until and end > since:
                    yield Span(start=start, end=end)
            day += timedelta(days=1)


def merged(every: Iterable[Span]) -> Iterator[Span]:
    """The same time in order; what touches or overlaps is one."""
    ordered = sorted(every, key=lambda span: span.start)
    if not ordered:
        return
    whole = ordered[0]
    for span in ordered[1:]:
        if span.start <= whole.end:
            whole = Span(start=whole.start, end=max(whole.end, span.end))
        else:
            yield whole
            whole = span
    yield whole

"""Deploy windows as arithmetic: when they are open, when the next one opens, in which zone they are meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.policy import Window

AHEAD = timedelta(days=8)
"""Windows recur weekly, so the next opening is never further away than this."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time during which deploys are open: from `start` until just before `end`, both UTC."""

    start: datetime
    end: datetime


def current_or_next(windows: Sequence[Window], now: datetime) -> Span | None:
    """The span that is open now, or the next one; None without windows, which means always open.

    Windows that touch or overlap are one span.
    """
    if not windows:
        return None
    return next(span for span in _merged(sorted(_spans(windows, now), key=lambda span: span.start)) if span.end > now)


def _spans(windows: Sequence[Window], now: datetime) -> Iterator[Span]:
    for window in windows:
        today = now.astimezone(window.zone).date()
        wanted = {day.number for day in window.days}
        for offset in range(-2, AHEAD.days + 2):
            day = today + timedelta(days=offset)
            if day.weekday() not in wanted:
                continue
            # A local time that a clock change skips is read as Python reads it: as if the clocks had not changed yet.
            start = datetime.combine(day, window.start, window.zone).astimezone(UTC)
            last = day + timedelta(days=1) if window.crosses_midnight else day
            end = datetime.combine(last, window.end, window.zone).astimezone(UTC)
            if start < end:
                yield Span(start=start, end=end)


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    merged = spans[0]
    for span in spans[1:]:
        if span.start <= merged.end:
            merged = Span(start=merged.start, end=max(merged.end, span.end))
        else:
            yield merged
            merged = span
    yield merged

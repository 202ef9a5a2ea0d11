"""Durations and counts in words."""

from __future__ import annotations


def span(seconds: float) -> str:
    """`41 ms`, `5 s`, `12 min`, `3 h 5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"


def times(count: int) -> str:
    """`once`, `14 times`."""
    return "once" if count == 1 else f"{count:,} times"

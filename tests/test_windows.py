"""The arithmetic of deploy windows: midnight, clock changes, overlaps."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import parse_policy
from bot.policy.tables import Weekday, Window
from bot.windows import current_or_next

NIGHT = """
[[windows]]
days = ["mon", "tue", "wed", "thu"]
start = "22:00"
end = "02:00"
timezone = "Europe/Berlin"
"""
FIRST, LAST = datetime(2026, 1, 1), datetime(2027, 12, 31)  # noqa: DTZ001  (hypothesis puts the zone to them)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("now", "start", "end"), [
    ("2026-11-23 12:00", "2026-11-23 21:00", "2026-11-24 01:00"),   # Monday noon: tonight
    ("2026-11-23 21:00", "2026-11-23 21:00", "2026-11-24 01:00"),   # just opened
    ("2026-11-24 00:59", "2026-11-23 21:00", "2026-11-24 01:00"),   # after midnight, still Monday's
    ("2026-11-24 01:00", "2026-11-24 21:00", "2026-11-25 01:00"),   # just closed
    ("2026-11-27 12:00", "2026-11-30 21:00", "2026-12-01 01:00"),   # Friday: not before Monday
    ("2026-10-22 23:00", "2026-10-22 20:00", "2026-10-23 00:00"),   # in summer time, an hour earlier in UTC
])
def test_a_window_over_midnight(now: str, start: str, end: str) -> None:
    span = current_or_next(parse_policy(NIGHT, "stagedoor.toml").windows, at(now))
    assert span is not None
    assert (span.start, span.end) == (at(start), at(end))


def test_without_windows_deploys_are_always_open() -> None:
    assert current_or_next((), at("2026-11-23 12:00")) is None


def test_windows_that_touch_are_one() -> None:
    text = "".join(
        f'[[windows]]\nstart = "{start}"\nend = "{end}"\ntimezone = "UTC"\n'
        for start, end in (("20:00", "24:00"), ("00:00", "04:00"))
    )
    span = current_or_next(parse_policy(text, "x").windows, at("2026-11-23 21:00"))
    assert span is not None
    assert (span.start, span.end) == (at("2026-11-23 20:00"), at("2026-11-24 04:00"))


@given(
    now=st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    day=st.sampled_from(list(Weekday)), start=st.times(), hours=st.integers(1, 20),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_the_span_is_never_over_and_never_far(now: datetime, day: Weekday, start: time, hours: int, zone: str) -> None:
    start = start.replace(second=0, microsecond=0)
    end = (datetime.combine(FIRST, start) + timedelta(hours=hours)).time()
    window = Window.model_construct(days=(day,), start=start, end=end, timezone=zone)
    span = current_or_next((window,), now)
    assert span is not None
    assert span.start < span.end
    assert span.end > now
    assert span.start - now < timedelta(days=8)

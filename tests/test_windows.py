"""The arithmetic of deploy windows: midnight, clock changes, overlaps, freezes and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.window import Closure, Span
from bot.policy import parse_policy
from bot.policy.tables import Weekday, Window
from bot.windows.calendar import EVER, Calendar
from bot.windows.holidays import Holidays
from bot.windows.recurring import spans

NIGHT = """
[[windows]]
days = ["mon", "tue", "wed", "thu"]
start = "22:00"
end = "02:00"
timezone = "Europe/Berlin"
"""
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
YEARS = st.datetimes(
    datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC),  # noqa: DTZ001  the zone is the next word
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(start=at(start), end=at(end))


def closure(start: str, end: str | None = None) -> Closure:
    return Closure(name="F-1", why="the audit", start=at(start), end=at(end) if end else None, lifts=True)


def nights(**more: Any) -> Calendar:
    return Calendar(windows=parse_policy(NIGHT, "stagedoor.toml").windows, **more)


def daily(start: str, end: str, zone: str) -> Calendar:
    text = f'[[windows]]\nstart = "{start}"\nend = "{end}"\ntimezone = "{zone}"\n'
    return Calendar(windows=parse_policy(text, "x").windows)


@pytest.mark.parametrize(("now", "start", "end"), [
    ("2026-11-23 12:00", "2026-11-23 21:00", "2026-11-24 01:00"),   # Monday noon: tonight
    ("2026-11-23 21:00", "2026-11-23 21:00", "2026-11-24 01:00"),   # just opened
    ("2026-11-24 00:59", "2026-11-23 21:00", "2026-11-24 01:00"),   # after midnight, still Monday's
    ("2026-11-24 01:00", "2026-11-24 21:00", "2026-11-25 01:00"),   # just closed
    ("2026-11-27 12:00", "2026-11-30 21:00", "2026-12-01 01:00"),   # Friday: not before Monday
    ("2026-10-22 23:00", "2026-10-22 20:00", "2026-10-23 00:00"),   # in summer time, an hour earlier in UTC
])
def test_a_window_over_midnight(now: str, start: str, end: str) -> None:
    assert nights().following(at(now)) == span(start, end)


@pytest.mark.parametrize(("zone", "day", "start", "end"), [
    # Forward: 01:30 to 03:30 by the clock is an hour less; back: an hour more, half an hour on Lord Howe.
    ("Europe/Berlin", "2026-03-29", "2026-03-29 00:30", "2026-03-29 01:30"),
    ("Europe/Berlin", "2026-10-25", "2026-10-24 23:30", "2026-10-25 02:30"),
    ("America/New_York", "2026-03-08", "2026-03-08 06:30", "2026-03-08 07:30"),
    ("America/New_York", "2026-11-01", "2026-11-01 05:30", "2026-11-01 08:30"),
    ("Australia/Lord_Howe", "2026-10-04", "2026-10-03 15:00", "2026-10-03 16:30"),
    ("Australia/Lord_Howe", "2026-04-05", "2026-04-04 14:30", "2026-04-04 17:00"),
])
def test_clock_changes_in_both_directions(zone: str, day: str, start: str, end: str) -> None:
    noon_before = at(start) - timedelta(hours=6)
    assert daily("01:30", "03:30", zone).following(noon_before) == span(start, end), day


@pytest.mark.parametrize(("zone", "now", "start"), [
    ("Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:30"),      # 02:30 is skipped and reads as 03:30
    ("Europe/Berlin", "2026-10-24 23:00", "2026-10-25 00:30"),      # 02:30 comes twice: the first
    ("America/New_York", "2026-03-08 05:00", "2026-03-08 07:30"),
    ("America/New_York", "2026-11-01 04:00", "2026-11-01 06:30"),   # 01:30 twice; 02:30 comes once
    ("Australia/Lord_Howe", "2026-10-03 15:00", "2026-10-03 15:30"),
])
def test_an_opening_at_an_hour_that_is_skipped_or_comes_twice(zone: str, now: str, start: str) -> None:
    opening = daily("02:30", "06:00", zone).following(at(now))
    assert opening
    assert opening.start in (at(start), at(start) + timedelta(hours=1))
    assert opening.start >= at(now)


def test_without_windows_deploys_are_always_open() -> None:
    opening = Calendar().following(at("2026-11-23 12:00"))
    assert opening
    assert opening.start <= at("2026-11-23 12:00")
    assert opening.end == EVER


def test_windows_that_touch_are_one() -> None:
    text = "".join(
        f'[[windows]]\nstart = "{start}"\nend = "{end}"\ntimezone = "UTC"\n'
        for start, end in (("20:00", "24:00"), ("00:00", "04:00"))
    )
    every = Calendar(windows=parse_policy(text, "x").windows)
    assert every.following(at("2026-11-23 21:00")) == span("2026-11-23 20:00", "2026-11-24 04:00")


def test_an_announced_window_adds_to_the_policys() -> None:
    saturday, monday = span("2026-11-28 10:00", "2026-11-28 12:00"), span("2026-12-01 00:00", "2026-12-01 03:00")
    every = nights(announced=(saturday, monday))
    assert every.following(at("2026-11-27 12:00")) == span("2026-11-28 10:00", "2026-11-28 12:00")
    assert every.following(at("2026-11-28 12:00")) == span("2026-11-30 21:00", "2026-12-01 03:00")


@pytest.mark.parametrize(("freezes", "start", "end"), [
    ([("2026-11-23 20:00", "2026-11-23 23:00")], "2026-11-23 23:00", "2026-11-24 01:00"),   # over the opening
    ([("2026-11-23 23:00", "2026-11-24 12:00")], "2026-11-23 21:00", "2026-11-23 23:00"),   # over the closing
    ([("2026-11-23 20:00", "2026-11-24 02:00")], "2026-11-24 21:00", "2026-11-25 01:00"),   # over all of it
    ([("2026-11-23 20:00", "2026-11-23 22:30"), ("2026-11-23 22:00", "2026-11-23 23:30")],
     "2026-11-23 23:30", "2026-11-24 01:00"),                                               # two that overlap
    ([("2026-11-23 12:00", "2027-02-01 00:00")], "2027-02-01 21:00", "2027-02-02 01:00"),   # for months
])
def test_a_freeze_takes_its_time_away(freezes: list[tuple[str, str]], start: str, end: str) -> None:
    every = nights(closures=tuple(closure(*each) for each in freezes))
    assert every.following(at("2026-11-23 12:00")) == span(start, end)


def test_a_freeze_without_an_end_leaves_nothing() -> None:
    assert nights(closures=(closure("2026-11-23 11:00"),)).following(at("2026-11-23 12:00")) is None
    assert Calendar(closures=(closure("2026-11-23 11:00"),)).following(at("2026-11-23 12:00")) is None


def test_what_needs_longer_waits_for_an_opening_that_has_it() -> None:
    every = nights(announced=(span("2026-11-28 10:00", "2026-11-28 18:00"),))
    now = at("2026-11-23 21:30")
    assert every.following(now, timedelta(hours=3)) == span("2026-11-23 21:00", "2026-11-24 01:00")
    assert every.following(now, timedelta(hours=4)) == span("2026-11-24 21:00", "2026-11-25 01:00")
    assert every.following(now, timedelta(hours=5)) == span("2026-11-28 10:00", "2026-11-28 18:00")
    assert every.following(now, timedelta(hours=9)) is None


def test_holidays_are_days_of_the_country() -> None:
    german = Holidays("DE", ("UTC", "Europe/Berlin"))
    [christmas, second] = german.between(at("2026-12-24 23:30"), at("2026-12-28 00:00"))
    assert (christmas.start, christmas.end) == (at("2026-12-24 23:00"), at("2026-12-25 23:00"))
    assert (christmas.name, second.name) == ("Christmas Day", "Second Day of Christmas")
    every = Calendar(holidays=german)
    opening = every.following(at("2026-12-25 12:00"))
    assert opening
    assert opening.start == at("2026-12-26 23:00")
    californian = [each.name for each in Holidays("US-CA").between(at("2026-03-01 00:00"), at("2026-04-02 00:00"))]
    assert "Cesar Chavez Day" in californian
    assert list(Holidays().between(at("2026-12-24 23:30"), at("2026-12-28 00:00"))) == []


moments = st.integers(0, 60 * 24 * 20).map(lambda minutes: at("2026-03-20 00:00") + timedelta(minutes=minutes))
stretches = st.builds(
    lambda start, minutes: Span(start=start, end=start + timedelta(minutes=minutes)), moments, st.integers(1, 60 * 40),
)


def weekly(day: Weekday, start: time, hours: int, zone: str) -> Window:
    start = start.replace(second=0, microsecond=0)
    end = (datetime.combine(date(2026, 1, 1), start) + timedelta(hours=hours)).time()
    return Window.model_construct(days=(day,), start=start, end=end, timezone=zone)


policies = st.lists(st.builds(
    weekly, st.sampled_from(list(Weekday)), st.times(), st.integers(1, 20), st.sampled_from([*ZONES, "UTC"]),
), max_size=3).map(tuple)
calendars = st.builds(
    lambda windows, announced, frozen: Calendar(
        windows=windows, announced=tuple(announced),
        closures=tuple(Closure(name="F", why="", start=each.start, end=each.end) for each in frozen),
    ),
    policies, st.lists(stretches, max_size=3), st.lists(stretches, max_size=4),
)


@given(every=calendars, now=moments, minutes=st.integers(0, 180))
def test_the_next_opening_is_open_not_frozen_and_not_over(every: Calendar, now: datetime, minutes: int) -> None:
    needs = timedelta(minutes=minutes)
    opening = every.following(now, needs)
    if opening is None:
        assert every.windows
        return
    starts = max(opening.start, now)
    assert opening.end > now
    assert opening.end - starts >= needs
    for moment in (starts, opening.end - timedelta(microseconds=1)):
        assert every.closed_at(moment) is None
        inside = [*spans(every.windows, starts - timedelta(days=3), moment + timedelta(days=1)), *every.announced]
        assert every.always_open or any(each.holds(moment) for each in inside)


@given(every=calendars, now=moments)
def test_openings_come_in_order_and_never_touch(every: Calendar, now: datetime) -> None:
    openings = every.openings(now, now + timedelta(days=14))
    assert all(before.end < after.start for before, after in pairwise(openings))


@given(
    now=YEARS, day=st.sampled_from(list(Weekday)), start=st.times(), hours=st.integers(1, 20),
    zone=st.sampled_from([*ZONES, "UTC"]),
)
def test_an_opening_is_never_far(now: datetime, day: Weekday, start: time, hours: int, zone: str) -> None:
    opening = Calendar(windows=(weekly(day, start, hours, zone),)).following(now)
    assert opening
    assert opening.start < opening.end
    assert opening.end > now
    assert opening.start - now < timedelta(days=8)

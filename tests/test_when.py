"""What people mean by a time: read in their zone, and answered with an example that works where it is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refused
from bot.windows.when import duration, end_meant, window_meant

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)     # a Monday, 10:30 in Berlin
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(("text", "opens", "hours", "reason"), [
    ("tomorrow 02:00", "2026-11-24 01:00", 2, ""),
    ("tonight", "2026-11-23 21:00", 2, ""),
    ("tonight at 23:30 for 30m", "2026-11-23 22:30", 0.5, ""),
    ("Tue 22:00 for 2h", "2026-11-24 21:00", 2, ""),
    ("mon 08:00", "2026-11-30 07:00", 2, ""),                        # this Monday's 08:00 is over
    ("Monday 12:00", "2026-11-23 11:00", 2, ""),
    ("next tuesday 22:00 for 2 hours add 2 columns", "2026-11-24 21:00", 2, "add 2 columns"),
    ("in 45 min", "2026-11-23 10:15", 2, ""),
    ("in 45 min for 90 min move it", "2026-11-23 10:15", 1.5, "move it"),
    ("2026-12-01 02:00 Europe/Berlin", "2026-12-01 01:00", 2, ""),
    ("2026-12-01 02:00 America/New_York for 1h30m big", "2026-12-01 07:00", 1.5, "big"),
    ("2026-12-01T02:00Z", "2026-12-01 02:00", 2, ""),
    ("tomorrow 02:00 UTC for the shop", "2026-11-24 02:00", 2, "for the shop"),
    ("1 Dec 22:00 for 1h", "2026-12-01 21:00", 1, ""),
    ("Dec 1st at 10pm", "2026-12-01 21:00", 2, ""),
    ("noon tomorrow", "2026-11-24 11:00", 2, ""),
    ("22:00", "2026-11-23 21:00", 2, ""),
    ("08:00", "2026-11-24 07:00", 2, ""),                            # tomorrow: today's is over
    ("10pm the shop", "2026-11-23 21:00", 2, "the shop"),
    ("tomorrow 02:00 2 columns and/or more", "2026-11-24 01:00", 2, "2 columns and/or more"),
    ("2027-03-28 03:30", "2027-03-28 01:30", 2, ""),                 # the clocks have gone forward
])
def test_it_is_read_as_people_write_it(text: str, opens: str, hours: float, reason: str) -> None:
    meant = window_meant(text, NOW, BERLIN)
    assert meant.span.start == datetime.fromisoformat(opens).replace(tzinfo=UTC)
    assert meant.span.end - meant.span.start == timedelta(hours=hours)
    assert meant.reason == reason


@pytest.mark.parametrize(("text", "said"), [
    ("", "Say when"),
    ("banana split", "“banana split” is no time"),
    ("tomorrow", "is no time"),
    ("25:00", "is no time"),
    ("2026-02-30 10:00", "is no time"),
    ("1.12.2026 22:00", "is no time"),                               # a day or a month: nobody should guess
    ("12/01 22:00", "is no time"),
    ("2026-01-01 10:00", "is over: it is Mon 2026-11-23 10:30 Europe/Berlin now"),
    ("today 10:30", "is over"),
    ("in 0 min", "now already"),
    ("tomorrow 02:00 for 0m", "lasts no time"),
    ("tomorrow 02:00 for 30d", "7 days at most"),
    ("2030-01-01 10:00", "more than a year away"),
    ("2026-12-01 02:00 Europe/Berlim", "Europe/Berlin is one"),
    ("2027-03-28 02:30", "does not exist in Europe/Berlin on 2027-03-28"),
    ("2027-10-31 02:30 for 1h", "comes twice in Europe/Berlin on 2027-10-31"),
    ("2027-03-14 02:30 America/New_York", "does not exist in America/New_York"),
    ("2027-11-07 01:30 America/New_York", "comes twice in America/New_York"),
    ("2027-04-04 01:45 Australia/Lord_Howe", "comes twice in Australia/Lord_Howe"),
    ("2027-10-03 02:15 Australia/Lord_Howe", "does not exist in Australia/Lord_Howe"),
])
def test_what_is_no_time_is_answered_with_an_example_that_works(text: str, said: str) -> None:
    now = NOW + timedelta(days=60) if "2027" in text else NOW
    with pytest.raises(Refused, match=re.escape(said)) as refused:
        window_meant(text, now, BERLIN)
    example = re.search(r"/deploy window (.*)$", str(refused.value))
    assert example
    assert window_meant(example[1], now, BERLIN).span.start > now


def test_the_end_of_a_freeze() -> None:
    until, reason = end_meant("tomorrow 08:00 the audit", NOW, BERLIN)
    assert (until, reason) == (datetime(2026, 11, 24, 7, tzinfo=UTC), "the audit")


@pytest.mark.parametrize(("text", "minutes"), [
    ("2h", 120), ("90 min", 90), ("1h30m", 90), ("1 hour and 5 minutes", 65), ("1.5h", 90), ("0m", 0),
    ("2", None), ("two hours", None), ("2 columns", None), ("", None), ("99999w", None),
])
def test_durations(text: str, minutes: int | None) -> None:
    assert duration(text) == (None if minutes is None else timedelta(minutes=minutes))


words = st.lists(st.sampled_from(
    ["tomorrow", "tonight", "Tue", "22:00", "10pm", "1", "Dec", "in", "45", "min", "for", "2h", "0m", "UTC", "at", 
     "noon", "2026-12-01", "Europe/Berlin", "2027-03-28", "02:30", "next", "May", "the", "25:61", "31st", "Feb"],
), max_size=7).map(" ".join)


@given(text=st.text(max_size=40) | words, zone=st.sampled_from([BERLIN, "America/New_York", "Asia/Kathmandu", "UTC"]))
def test_whatever_is_written_is_a_time_to_come_or_refused(text: str, zone: str) -> None:
    try:
        meant = window_meant(text, NOW, zone)
    except Refused:
        return
    assert NOW < meant.span.start < meant.span.end

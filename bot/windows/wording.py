"""Days and clock times as people write them; what is beyond a few plain forms goes to dateparser."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?", re.IGNORECASE)
MONTHS = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", re.IGNORECASE)
SAID_CLOCK = re.compile(r"\b\d{1,2}:\d{2}\b|\b\d{1,2}\s*(?:am|pm)\b|\bnoon\b|\bmidnight\b", re.IGNORECASE)
FILLING = ("next", "on", "this")
TONIGHT = "22:00"
"""What `tonight` means without a clock time."""


def local_date(words: list[str], today: date) -> tuple[date | None, list[str]]:
    """The day that the words name in a plain form, and the other words; None for a form that is not plain."""
    for at, word in enumerate(words):
        plain = word.lower().rstrip(",")
        rest = [other for place, other in enumerate(words) if place != at and other.lower() not in FILLING]
        if plain in ("today", "tonight"):
            return today, rest if plain == "today" or clock_time(rest) else [TONIGHT]
        if plain == "tomorrow":
            return today + timedelta(days=1), rest
        if named := _weekday(plain):
            ahead = (DAYS.index(named) - today.weekday()) % 7
            return today + timedelta(days=ahead), rest
        if found := re.fullmatch(r"(\d{4}-\d{2}-\d{2})(?:t(\d{2}:\d{2}))?", plain):
            try:
                return date.fromisoformat(found[1]), [found[2], *rest] if found[2] else rest
            except ValueError:
                return None, words
    return None, words


def day_named(words: list[str]) -> bool:
    """Whether a day of the week was named: a week later it is that day again."""
    return any(_weekday(word.lower().rstrip(",")) for word in words)


def clock_time(words: list[str]) -> time | None:
    """The clock time that these words are, and nothing else; None otherwise."""
    said = " ".join(word for word in words if word.lower() != "at").lower()
    if said in ("noon", "midnight"):
        return time(12 if said == "noon" else 0)
    found = CLOCK.fullmatch(said)
    if not found or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return time(hour, minute) if hour <= 23 and minute <= 59 else None


def natural(text: str, here: datetime) -> datetime | None:
    """What dateparser makes of a month by its name with a clock time; None for everything else.

    It reads 1.12.2026 as the twelfth of January and “2” as a day, so nothing else is asked of it.
    """
    if not MONTHS.search(text) or not SAID_CLOCK.search(text):
        return None
    # Imported here: it takes a tenth of a second and some megabytes, for words that few people use.
    import dateparser

    found: datetime | None = dateparser.parse(text, languages=["en"], settings={
        "RELATIVE_BASE": here.replace(tzinfo=None), "PREFER_DATES_FROM": "future", "RETURN_AS_TIMEZONE_AWARE": False,
    })
    return found


def in_words(found: datetime, zone: ZoneInfo) -> str:
    return f"{found.astimezone(zone):%a %Y-%m-%d %H:%M} {zone.key}"


def _weekday(word: str) -> str:
    name = word[:3]
    whole = {"mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday",
             "sat": "saturday", "sun": "sunday"}
    return name if name in whole and whole[name].startswith(word) else ""

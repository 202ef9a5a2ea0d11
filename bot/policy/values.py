"""The small languages of the policy file: durations, clock times, time zones, addresses; each with its own sentence."""

from __future__ import annotations

import re
from datetime import time, timedelta
from difflib import get_close_matches
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, Strict

UNITS: Final = {
    "w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1),
    "s": timedelta(seconds=1), "ms": timedelta(milliseconds=1),
}
LONGEST: Final = timedelta(days=3660)
PIECE: Final = re.compile(r"([0-9]{1,9})(ms|[wdhms])\s*")


def parse_duration(text: object) -> timedelta:
    """Read `3s`, `15m`, `72h`, `7d` or `1h30m`."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(rf"(?:{PIECE.pattern})+", text.strip()):
        raise ValueError("must be a duration in quotes, made of whole numbers with a unit (ms, s, m, h, d, w)")
    pieces = PIECE.findall(text)
    if sum(int(number) * (UNITS[unit] / LONGEST) for number, unit in pieces) > 1:
        raise ValueError("is longer than ten years")
    return sum((int(number) * UNITS[unit] for number, unit in pieces), timedelta())


def format_duration(duration: timedelta) -> str:
    """Write a duration so that `parse_duration` reads the same one; days are the largest unit."""
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        number, duration = divmod(duration, UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta():
        raise ValueError("must be longer than nothing")
    return duration


def parse_clock(text: object) -> time:
    """Read `03:00`; `24:00` is the midnight at which a day ends."""
    if isinstance(text, time):
        return text
    found = re.fullmatch(r"([0-9]{2}):([0-9]{2})", text) if isinstance(text, str) else None
    if not found:
        raise ValueError("must be a clock time in quotes with two digits each")
    hour, minute = int(found[1]), int(found[2])
    if (hour, minute) == (24, 0):
        return time()
    if hour > 23 or minute > 59:
        raise ValueError(f'is "{text}", a time that no clock shows (00:00 to 23:59)')
    return time(hour, minute)


def _parse_start(text: object) -> time:
    if text == "24:00":
        raise ValueError('is "24:00", where the day is over; a window that opens at midnight starts at "00:00"')
    return parse_clock(text)


def _parse_optional_clock(text: object) -> time | None:
    return None if text is None or text == "" else _parse_start(text)


def _format_clock(moment: time | None) -> str:
    return "" if moment is None else f"{moment:%H:%M}"


def _format_end(moment: time) -> str:
    return "24:00" if moment == time() else _format_clock(moment)


def _zone(name: str) -> str:
    known = available_timezones()
    if name in known:
        return name
    near = get_close_matches(name, known, 1)
    raise ValueError(f'is no time zone: did you mean "{near[0]}"' if near else "must be a time zone of the IANA list")


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a web address that starts with https:// or http://")
    if parts.password:
        raise ValueError("carries a password; the policy file is no place for secrets")
    return text


def _variable(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("must be the name of an environment variable, never the address itself")
    return name


def _holidays(code: str) -> str:
    if code and not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", code):
        raise ValueError("must be a country code in capitals, with a region where it matters")
    return _known_holidays(code) if code else code


def _known_holidays(code: str) -> str:
    # Imported here: few policies name a country, and start-up has a budget.
    import holidays

    country, _, region = code.partition("-")
    regions = holidays.list_supported_countries(include_aliases=True).get(country)
    if regions is None:
        raise ValueError(f'is "{code}", a country whose holidays are not known')
    if region and region not in regions:
        there = ", ".join(regions) or country
        raise ValueError(f'is "{code}", a region whose holidays are not known; there is {there}')
    return code


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
WindowStart = Annotated[time, BeforeValidator(_parse_start), PlainSerializer(_format_clock)]
WindowEnd = Annotated[time, BeforeValidator(parse_clock), PlainSerializer(_format_end)]
DailyTime = Annotated[time | None, BeforeValidator(_parse_optional_clock), PlainSerializer(_format_clock)]
Text = Annotated[str, Strict()]
SaidText = Annotated[Text, AfterValidator(_said)]
Zone = Annotated[Text, AfterValidator(_zone)]
Address = Annotated[Text, AfterValidator(_address)]
VariableName = Annotated[Text, AfterValidator(_variable)]
Holidays = Annotated[Text, AfterValidator(_holidays)]
Yes = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
AtLeastOne = Annotated[int, Strict(), Field(ge=1)]
Percent = Annotated[int, Strict(), Field(ge=1, le=100)]

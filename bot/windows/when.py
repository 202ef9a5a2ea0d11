"""What people mean by a time: `tomorrow 02:00`, `Tue 22:00 for 2h`, `in 45 min`, `2026-12-01 02:00 Europe/Berlin`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from bot.domain.window import Span
from bot.errors import Refused
from bot.windows.wording import clock_time, day_named, in_words, local_date, natural

USUAL: Final = timedelta(hours=2)
LONGEST: Final = timedelta(days=7)
FURTHEST: Final = timedelta(days=366)
UNITS: Final = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600,
    "d": 86400, "day": 86400, "w": 604800, "week": 604800,
}
ZONE: Final = re.compile(r"[A-Z][A-Za-z_]+/[A-Z][A-Za-z_/+-]+")
PIECE: Final = re.compile(r"(\d{1,5}(?:\.\d{1,2})?)\s*([a-z]+)", re.IGNORECASE)


class _NotATime(Refused):
    """These words tell no time; fewer of them may."""


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What somebody wrote, understood: a span, and the words that follow it."""

    span: Span
    reason: str = ""


def window_meant(text: str, now: datetime, zone: str) -> Meant:
    """Read `WHEN [for DURATION] [REASON]`. Raises `Refused` with an example that works."""
    words = text.split()
    lasts, at, after = _duration_said(words)
    if not words:
        raise Refused(f"Say when. {_example('/deploy window', now, zone)}")
    if lasts is None:
        start, reason = _moment_first(words, now, zone, "/deploy window")
    else:
        start, reason = moment_meant(" ".join(words[:at]), now, zone), " ".join(words[after:])
    lasts = USUAL if lasts is None else lasts
    if lasts <= timedelta():
        raise Refused(f"A window that lasts no time never opens. {_example('/deploy window', now, zone)}")
    if lasts > LONGEST:
        raise Refused(f"A window lasts 7 days at most. {_example('/deploy window', now, zone)}")
    return Meant(span=Span(start=start, end=start + lasts), reason=reason)


def end_meant(text: str, now: datetime, zone: str) -> tuple[datetime, str]:
    """Read `WHEN REASON`, as it follows `until`. Raises `Refused` with an example that works."""
    return _moment_first(text.split(), now, zone, "/deploy freeze until")


def moment_meant(text: str, now: datetime, zone: str, command: str = "/deploy window") -> datetime:
    """One moment, in UTC, told in this time zone unless it names another. Raises `Refused`."""
    example = _example(command, now, zone)
    words, named = _zone_said(text.split(), example)
    where = ZoneInfo(named or zone)
    if not words:
        raise Refused(f"Say when. {example}")
    if words[0].lower() == "in" and (ahead := duration(" ".join(words[1:]))) is not None:
        if ahead <= timedelta():
            raise Refused(f"That is now already. {example}")
        return _soon_enough(now + ahead, now, example)
    here = now.astimezone(where)
    day, rest = local_date(words, here.date())
    clock = clock_time(rest)
    local = datetime.combine(day, clock) if day and clock else None
    if clock and day is None:
        local = datetime.combine(here.date(), clock)
        if local <= here.replace(tzinfo=None):
            local += timedelta(days=1)
    if local is None:
        local = natural(" ".join(words), here)
    if local is None:
        raise _NotATime(f"“{text}” is no time that Stagedoor understands. {example}")
    if day is not None and day_named(words) and local <= here.replace(tzinfo=None):
        local += timedelta(days=7)
    found = _exact(local, where)
    if found <= now:
        raise Refused(f"{in_words(found, where)} is over: it is {in_words(now, where)} now. {example}")
    return _soon_enough(found, now, example)


def duration(text: str) -> timedelta | None:
    """Read `2h`, `90 min`, `1h30m` or `2 hours`; None for anything else."""
    pieces = PIECE.findall(text)
    if not pieces or PIECE.sub("", text).replace("and", "").strip(" ,"):
        return None
    total = 0.0
    for number, unit in pieces:
        name = unit.lower()
        seconds = UNITS.get(name) or UNITS.get(name.removesuffix("s"))
        if seconds is None:
            return None
        total += float(number) * seconds
    return timedelta(seconds=total) if total < FURTHEST.total_seconds() * 10 else None


def _duration_said(words: list[str]) -> tuple[timedelta | None, int, int]:
    """The first `for DURATION`: how long, where it begins, and where it is over."""
    for at, word in enumerate(words):
        if word.lower() != "for" or at == 0:
            continue
        for length in (4, 3, 2, 1):
            said = words[at + 1:at + 1 + length]
            if len(said) == length and (lasts := duration(" ".join(said))) is not None:
                return lasts, at, at + 1 + length
    return None, len(words), len(words)


TIMELY: Final = re.compile(
    r"(?:in|at|on|next|this|today|tonight|tomorrow|noon|midnight|am|pm|utc|gmt|z"
    r"|mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?"
    r"|\d{1,2}(?::\d{2})?\s*(?:am|pm)|\d{1,2}:\d{2}(?:z)?|\d{4}-\d{2}-\d{2}(?:t\d{2}:\d{2}z?)?|\d{1,2}(?:st|nd|rd|th)"
    r"|\d{4}|\d{1,2}|\d+(?:\.\d+)?(?:[a-z]{1,3}\d*){1,2}"
    r"|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)",
    re.IGNORECASE,
)


def _moment_first(words: list[str], now: datetime, zone: str, command: str) -> tuple[datetime, str]:
    """The moment that as many of the first words as possible tell, and the other words."""
    count = 0
    while count < len(words) and (TIMELY.fullmatch(words[count].rstrip(",")) or ZONE.fullmatch(words[count])):
        count += 1
    trouble: _NotATime | None = None
    for length in range(count, 0, -1):
        try:
            return moment_meant(" ".join(words[:length]), now, zone, command), " ".join(words[length:])
        except _NotATime as exc:
            trouble = trouble or exc
    raise trouble or _NotATime(f"“{' '.join(words)}” is no time that Stagedoor understands. "
                               f"{_example(command, now, zone)}")


def _zone_said(words: list[str], example: str) -> tuple[list[str], str]:
    """The words without the time zone that they end in, and that zone."""
    if words and words[-1].upper() in ("UTC", "GMT", "Z"):
        return words[:-1], "UTC"
    if words and re.search("[0-9][zZ]$", words[-1]):
        return [*words[:-1], words[-1][:-1]], "UTC"
    if words and "/" in words[-1] and words[-1] in available_timezones():
        return words[:-1], words[-1]
    if words and ZONE.fullmatch(words[-1]):
        near = get_close_matches(words[-1], available_timezones(), 1)
        raise Refused(f"{words[-1]} is no time zone{f': {near[0]} is one' if near else ''}. {example}")
    return words, ""


def _exact(local: datetime, zone: ZoneInfo) -> datetime:
    """The one moment at which clocks there show this. Raises `Refused` where they skip it or show it twice."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    if first > second:
        later = first.astimezone(zone)
        raise Refused(
            f"{local:%H:%M} does not exist in {zone.key} on {local:%Y-%m-%d}: the clocks go forward. "
            f"Say {later:%Y-%m-%d %H:%M}, or in UTC: /deploy window {first:%Y-%m-%d %H:%M} UTC"
        )
    raise Refused(
        f"{local:%H:%M} comes twice in {zone.key} on {local:%Y-%m-%d}: the clocks go back. Say it in UTC, "
        f"{first:%Y-%m-%d %H:%M} UTC for the first or {second:%Y-%m-%d %H:%M} UTC for the second: "
        f"/deploy window {first:%Y-%m-%d %H:%M} UTC"
    )


def _soon_enough(found: datetime, now: datetime, example: str) -> datetime:
    if found - now > FURTHEST:
        raise Refused(f"{found:%Y-%m-%d} is more than a year away. {example}")
    return found.replace(second=0, microsecond=0) + timedelta(minutes=1 if found.second or found.microsecond else 0)


def _example(command: str, now: datetime, zone: str) -> str:
    tomorrow = now.astimezone(ZoneInfo(zone)) + timedelta(days=1)
    words = "for 2h" if command.endswith("window") else "the audit"
    return f"This works: {command} {tomorrow:%Y-%m-%d} 22:00 {words}"

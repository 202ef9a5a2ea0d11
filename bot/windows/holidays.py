"""The holidays of a country as closures: whole days in that country's time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.window import Closure


@dataclass(frozen=True)
class Holidays:
    """Those of a country ("DE") or one of its regions ("US-CA"); none for an empty code.

    `zones` are the zones of the policy's windows: in a country with several, the first that is its own counts.
    """

    code: str = ""
    zones: tuple[str, ...] = ()

    def between(self, since: datetime, until: datetime) -> Iterator[Closure]:
        """Every holiday that has a part in this time."""
        if not self.code:
            return
        zone = ZoneInfo(_zone(self.code[:2], self.zones))
        day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        known = {year: _days(self.code, year) for year in range(day.year, last.year + 1)}
        while day <= last:
            if name := known[day.year].get(day):
                start, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
                yield Closure(
                    name=name, why=f"a holiday of {self.code}", start=start.astimezone(UTC), end=end.astimezone(UTC),
                )
            day += timedelta(days=1)


@cache
def _days(code: str, year: int) -> dict[Any, str]:
    # Imported here: few policies name a country, and start-up has a budget.
    import holidays

    country, _, region = code.partition("-")
    try:
        return dict(holidays.country_holidays(country, subdiv=region or None, years=year, language="en_US"))
    except NotImplementedError:
        return {}


@cache
def _zone(country: str, zones: tuple[str, ...]) -> str:
    table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text()
    rows = (row.split("\t") for row in table.splitlines() if not row.startswith("#"))
    own = [row[2] for row in rows if row[0] == country]
    return next((zone for zone in zones if zone in own), own[0] if own else "UTC")

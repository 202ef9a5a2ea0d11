"""Answers: how many requests each service of a project got, and how many of them it answered with 500 or above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import sqrt
from typing import TypeAlias

from bot.domain.sighting import Fault, Source

SURE = 1.96
"""Standard deviations: what is said to be above its usual share is so in 39 of 40 cases at least."""


class Service(StrEnum):
    """What of a project answers; the value is what people call it."""

    POSTGREST = "PostgREST"
    AUTH = "auth"
    STORAGE = "storage"
    FUNCTIONS = "edge functions"
    REALTIME = "realtime"
    GATEWAY = "the API gateway"


OF_PATH: Mapping[str, Service] = {
    "rest": Service.POSTGREST, "graphql": Service.POSTGREST, "auth": Service.AUTH, "storage": Service.STORAGE,
    "functions": Service.FUNCTIONS, "realtime": Service.REALTIME,
}
OF_SOURCE: Mapping[Source, Service] = {
    Source.EDGE_FUNCTION: Service.FUNCTIONS, Source.AUTH: Service.AUTH, Source.STORAGE: Service.STORAGE,
    Source.POSTGREST: Service.POSTGREST,
}
Counts: TypeAlias = tuple[int, int]
"""Requests, 0 where no log told of them, and how many were answered with 500 or above."""


def service_of(source: Source, path: str) -> Service:
    """Whose answer it is; the gateway's log tells it by the path (`/rest/v1/books`) alone."""
    if own := OF_SOURCE.get(source):
        return own
    return OF_PATH.get(path.lstrip("/").partition("/")[0].partition("?")[0], Service.GATEWAY)


def service_of_template(source: Source, template: str) -> Service:
    """The same of a fault's template, `GET /rest/v1/books answered 503`."""
    return service_of(source, next((word for word in template.split(" ", 2) if word.startswith("/")), ""))


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One service as one log shows it: by full minute of the last hour, by full hour of the last nine weeks.

    `faults` are its failing requests of the last hour with their counts by minute, `since` is when counting began.
    """

    service: Service
    source: Source
    minutes: Mapping[datetime, Counts]
    hours: Mapping[datetime, Counts] = field(default_factory=dict)
    faults: tuple[tuple[Fault, Mapping[datetime, int]], ...] = ()
    since: datetime | None = None

    def between(self, begin: datetime, end: datetime) -> Counts:
        """The counts of the minutes from `begin` to just before `end`."""
        found = [counts for minute, counts in self.minutes.items() if begin <= minute < end]
        return sum(max(counts) for counts in found), sum(failed for _, failed in found)

    @property
    def told(self) -> bool:
        """Whether this log tells of every request: some name the failing ones alone."""
        return any(asked for asked, _ in (*self.minutes.values(), *self.hours.values()))


def at_least(failed: int, asked: int) -> float:
    """The share that may be taken for sure (Wilson's lower bound): 1 of 1 is no 100 %, and 1,000 of 1,000 nearly is."""
    if not asked:
        return 0.0
    share, z = failed / asked, SURE * SURE
    spread = SURE * sqrt((share * (1 - share) + z / (4 * asked)) / asked)
    return max(0.0, (share + z / (2 * asked) - spread) / (1 + z / asked))


def percent(share: float) -> str:
    """`0.4 %`, `32 %`."""
    return f"{100 * share:.0f} %" if share >= 0.1 or not share else f"{100 * share:.2g} %"

"""How a project's services answer: what was counted of them, with the failing requests that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.answers import Answers, service_of_template
from bot.domain.project import Environment
from bot.domain.sighting import Fault, Severity
from bot.world import Ports

HOUR, HISTORY, AHEAD = timedelta(hours=1), timedelta(weeks=9), timedelta(minutes=5)
MOST = 50
"""Kinds of failing requests whose counts are read; the most recent ones, of which a few are shown."""


def answered(ports: Ports, project: str, since: datetime) -> tuple[Answers, ...]:
    """Each service as each log shows it; `since` is from when on the project's logs were counted."""
    tallies, now, production = ports.tallies, ports.clock.now(), Environment.PRODUCTION
    assert tallies is not None
    minutes = tallies.answers(project, production, now - HOUR - AHEAD, now + AHEAD)
    hours = tallies.answers(project, production, now - HISTORY, now + AHEAD, hours=True)
    failing = [each for each in tallies.faults(project, production, now - HOUR) if each.severity is Severity.HTTP_5XX]
    counted: list[tuple[Fault, Mapping[datetime, int]]] = [
        (each, tallies.per_minute(project, production, each.fingerprint, now - HOUR, now + AHEAD))
        for each in failing[:MOST]
    ]
    return tuple(
        Answers(
            service=service, source=source, minutes=found, hours=hours.get((service, source), {}), since=since,
            faults=tuple(
                (each, per_minute) for each, per_minute in counted
                if (service_of_template(each.source, each.template), each.source) == (service, source)
            ),
        )
        for (service, source), found in minutes.items()
    )

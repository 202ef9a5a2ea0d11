"""The error rate around an incident, as a picture: drawn only where the logs were counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import structlog

from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.domain.report import IncidentReport
from bot.errors import StagedoorError
from bot.world import Ports

BEFORE, AFTER = timedelta(minutes=30), timedelta(hours=1)
LONGEST = timedelta(hours=12)

log = structlog.get_logger(__name__)


def error_rate(ports: Ports, report: IncidentReport) -> bytes:
    """A PNG of production's errors per minute with the incident's moments; nothing where there is nothing to draw."""
    if ports.pictures is None or ports.tallies is None:
        return b""
    begin = min([report.opened_at, *(each.at for each in report.milestones if each.at)]) - BEFORE
    end = min((report.resolved_at or ports.clock.now()) + AFTER, ports.clock.now(), begin + LONGEST)
    minutes: Counter[datetime] = Counter()
    try:
        for fault in ports.tallies.faults(report.project, Environment.PRODUCTION, seen_since=begin):
            args = report.project, Environment.PRODUCTION, fault.fingerprint, begin, end
            minutes.update(ports.tallies.per_minute(*args))
        if not minutes:
            return b""
        drawn: list[Json] = [[at.isoformat(), count] for at, count in sorted(minutes.items())]
        return ports.pictures.errors_per_minute({
            "title": f"Errors per minute in production around {report.id}", "begin": begin.isoformat(),
            "end": end.isoformat(), "minutes": drawn, "marks": _marks(report),
        })
    except StagedoorError as trouble:
        log.warning("chart.not_drawn", incident=report.id, why=str(trouble))
        return b""


def _marks(report: IncidentReport) -> list[Json]:
    named = {each.name: each.at for each in report.milestones if each.at and each.name != "detected"}
    moments = {"opened": report.opened_at, **named}
    return [[at.astimezone(UTC).isoformat(), name] for name, at in moments.items()]

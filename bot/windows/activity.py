"""How busy production is, hour by hour: a small series of what pg_stat_database counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.errors import StagedoorError
from bot.ports import Put, Shelves
from bot.world import Ports

log = structlog.get_logger(__name__)

SHELF = "activity"
EVERY = timedelta(minutes=10)
GAP = timedelta(minutes=35)
"""What was counted over a longer time than this, while nobody looked, says nothing about an hour."""

ENOUGH = 12
"""How many hours of the day have to be known before one of them is called the quietest."""

KEEPS = 0.8
"""How much of what was known of an hour stays when it is measured again: about a week counts."""


def measure(ports: Ports) -> None:
    """Look at every project's production once. A database that does not answer is looked at the next time."""
    for name, project in ports.projects.items():
        try:
            total = project.databases[Environment.PRODUCTION].activity()
        except StagedoorError as trouble:
            log.info("activity.unread", project=name, why=str(trouble))
            continue
        kept = ports.shelves.get(SHELF, name) or {}
        ports.shelves.put([Put(shelf=SHELF, key=name, doc=added(kept, total, ports.clock.now()))])


def added(kept: Mapping[str, Json], total: int, now: datetime) -> dict[str, Json]:
    """The series with one more reading: what was counted since the last one goes to the hour of the day (UTC)."""
    hours = _hours(kept)
    before, at = kept.get("total"), kept.get("at")
    if isinstance(before, int) and isinstance(at, str):
        passed = now - datetime.fromisoformat(at)
        # A count that went back was reset, by a restart or by hand.
        if timedelta() < passed <= GAP and total >= before:
            hour = str(now.astimezone(UTC).hour)
            rate = (total - before) / passed.total_seconds()
            hours[hour] = rate if hour not in hours else KEEPS * hours[hour] + (1 - KEEPS) * rate
    return {"total": total, "at": now.isoformat(), "hours": {**hours}}


def quiet_hours(shelves: Shelves, project: str) -> dict[int, float]:
    """Transactions a second by hour of the day (UTC); empty while too few hours were measured."""
    hours = _hours(shelves.get(SHELF, project) or {})
    return {int(hour): rate for hour, rate in hours.items()} if len(hours) >= ENOUGH else {}


def _hours(kept: Mapping[str, Json]) -> dict[str, float]:
    hours = kept.get("hours")
    if not isinstance(hours, dict):
        return {}
    return {hour: float(rate) for hour, rate in hours.items() if isinstance(rate, int | float)}

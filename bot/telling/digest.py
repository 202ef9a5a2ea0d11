"""The report of the day that comes by itself each morning, once a channel and a day, late rather than never."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from bot.domain.entry import SYSTEM, Fact, Opening
from bot.policy import Policy
from bot.world import Ports

SHELF = "digests"


def morning(ports: Ports, wake: Callable[[str], None]) -> None:
    """Open the records of digests whose time has come. Safe to call again at any moment."""
    now = ports.clock.now()
    for channel, projects in _channels(ports).items():
        at = _time(ports.projects[projects[0]].policy, now)
        if at is None or now < at:
            continue
        key = f"{channel}:{at.date().isoformat()}"
        number = ports.shelves.put_new(SHELF, key, {"number": ports.journal.number("D")})["number"]
        record = f"D-{number}"
        fact = Fact(
            about=record, kind="digest.made", actor=SYSTEM, data={"projects": [*projects], "until": at.isoformat()},
            opens=Opening(kind="digest", project=projects[0], stage="told"),
        )
        # The key makes it once, also when a process died between the number and this.
        if ports.journal.append([fact], key=f"digest:{key}"):
            wake(record)


def _channels(ports: Ports) -> dict[str, list[str]]:
    """Projects by the channel that their digest goes to."""
    found: dict[str, list[str]] = {}
    for project in ports.projects.values():
        if project.policy.incidents.digest is not None:
            found.setdefault(project.policy.channels.incidents, []).append(project.name)
    return found


def _time(policy: Policy, now: datetime) -> datetime | None:
    """Today's moment of the digest, in the zone of the policy's windows (UTC where it has none)."""
    wanted: time | None = policy.incidents.digest
    if wanted is None:
        return None
    zone = policy.windows[0].zone if policy.windows else ZoneInfo("UTC")
    return datetime.combine(now.astimezone(zone).date(), wanted, zone).astimezone(UTC)

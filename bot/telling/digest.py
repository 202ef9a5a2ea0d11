"""The report of the day that comes by itself each morning, once a channel and a day, late rather than never."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from functools import partial
from zoneinfo import ZoneInfo

from bot.domain.entry import SYSTEM, Fact, Json, Opening
from bot.policy import Policy
from bot.ports import Put, Take
from bot.world import Ports


def morning(ports: Ports, wake: Callable[[str], None]) -> None:
    """Open the records of digests whose time has come. Safe to call again at any moment."""
    now = ports.clock.now()
    for channel, projects in _channels(ports).items():
        at = _time(ports.projects[projects[0]].policy, now)
        if at is None or now < at:
            continue
        key = f"{channel}:{at.date().isoformat()}"
        data: dict[str, Json] = {"projects": [*projects], "until": at.isoformat()}
        begins = Opening(kind="digest", project=projects[0], stage="told")
        if opened := ports.journal.open(partial(_opens, data, begins), key=f"digest:{key}"):
            wake(opened[0].about)


def _opens(data: Mapping[str, Json], begins: Opening, take: Take) -> tuple[list[Fact], list[Put]]:
    return [Fact(about=take("D"), kind="digest.made", actor=SYSTEM, data=data, opens=begins)], []


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

"""Whether production's logs are heard at all: by its drain, by asking for them, or by neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.entry import Json
from bot.domain.sighting import Reach

SILENT: Final = timedelta(hours=1)
"""After how long a drain that delivered before is missed. Production logs all day: checkpoints, health checks."""


@dataclass(frozen=True, kw_only=True)
class Ears:
    """How one environment's logs come. `polled` is why they are not read now; None where nobody asks for them."""

    drained: bool
    polled: str | None
    reached: Mapping[str, Reach]

    def said(self, before: Mapping[str, Json], now: datetime) -> dict[str, Json]:
        """What is wrong, since when, and whether they were heard before; an empty `why` for nothing."""
        what, why, lost = self._wrong(before, now)
        if before.get("what") == what and before.get("lost") == lost and why:
            return {"what": what, "why": why, "lost": lost, "since": before["since"]}
        drain = self.reached.get("drain")
        since = drain.heard if lost and drain is not None and self.polled is None else now
        return {"what": what, "why": why, "lost": lost, "since": since.isoformat() if why else ""}

    def _wrong(self, before: Mapping[str, Json], now: datetime) -> tuple[str, str, bool]:
        drain, poll = self.reached.get("drain"), self.reached.get("poll")
        delivers = self.drained and drain is not None and now - drain.heard < SILENT
        silent = f"the log drain has delivered nothing since {drain.heard:%d %b %H:%M} UTC" if drain else ""
        if self.polled is None:
            if not self.drained:
                return "the logs", "neither a log drain nor the Management API brings them", False
            if drain is None:
                return "the logs", "the log drain has not delivered anything yet", False
            return ("", "", False) if delivers else ("the logs", silent, True)
        if self.polled:
            return ("the log drain's losses" if delivers else "the logs"), self.polled, not delivers
        if before.get("why") and before.get("lost") and (poll is None or poll.heard.isoformat() < str(before["since"])):
            return str(before["what"]), str(before["why"]), True      # a process that has just begun has not asked yet
        if self.drained and drain is not None and not delivers:
            return "the log drain", f"{silent}; until it does, the logs are asked for", False
        return "", "", False

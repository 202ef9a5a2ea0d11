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

LONGEST: Final = timedelta(hours=12)
"""The longest that it takes: a project that is silent night after night is known by how long it was before."""


@dataclass(frozen=True, kw_only=True)
class Ears:
    """How one environment's logs come. `polled` is why they are not read now; None where nobody asks for them."""

    drained: bool
    polled: str | None
    reached: Mapping[str, Reach]

    def said(self, before: Mapping[str, Json], now: datetime) -> dict[str, Json]:
        """What is wrong, since when, and whether they were heard before; an empty `why` for nothing.

        `silence` is for how many seconds the drain was silent at most, and then delivered again by itself.
        """
        (what, why, lost), drain = self._wrong(before, now), self.reached.get("drain")
        silence = _seconds(before)
        if before.get("lost") and not why and drain is not None and self.polled is None:
            silence = max(silence, (drain.heard - datetime.fromisoformat(str(before["since"]))).total_seconds())
        kept: dict[str, Json] = {"what": what, "why": why, "lost": lost, "silence": silence}
        if before.get("what") == what and before.get("lost") == lost and why:
            return {**kept, "since": before["since"]}
        since = drain.heard if lost and drain is not None and self.polled is None else now
        return {**kept, "since": since.isoformat() if why else ""}

    def _wrong(self, before: Mapping[str, Json], now: datetime) -> tuple[str, str, bool]:
        drain, poll = self.reached.get("drain"), self.reached.get("poll")
        missed = min(max(SILENT, timedelta(seconds=1.5 * _seconds(before))), LONGEST)
        delivers = self.drained and drain is not None and now - drain.heard < missed
        silent = f"the log drain has delivered nothing since {drain.heard:%d %b %H:%M} UTC" if drain else ""
        if self.polled is None:
            if not self.drained:
                return "the logs", "neither a log drain nor the Management API brings them", False
            if drain is None:
                return "the logs", "the log drain has not delivered anything yet", False
            return ("", "", False) if delivers else ("the logs", f"{silent}: it is off, or nothing was logged", True)
        if self.polled:
            return ("the log drain's losses" if delivers else "the logs"), self.polled, not delivers
        if before.get("why") and before.get("lost") and (poll is None or poll.heard.isoformat() < str(before["since"])):
            return str(before["what"]), str(before["why"]), True      # a process that has just begun has not asked yet
        if self.drained and drain is not None and not delivers:
            return "the log drain", f"{silent}; until it does, the logs are asked for", False
        return "", "", False


def _seconds(before: Mapping[str, Json]) -> float:
    kept = before.get("silence")
    return float(kept) if isinstance(kept, int | float) else 0.0

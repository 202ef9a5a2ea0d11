"""What of a project's production nobody sees now, and why: for the status, `/readyz`, and a notice if it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.entry import Json
from bot.domain.reading import Reading
from bot.domain.scene import Blind
from bot.ports import Shelves

LOOKED = "looked"
"""By project: when its production was last read, what of it could not be and since when, or why all of it could not."""

HEARD = "heard"
"""By project: what is wrong with the reading of its production's logs."""

MISSING = "the extension pg_stat_statements is not there"
HIDDEN = "sessions and statements of other users"
WORDS: Mapping[str, tuple[str, str]] = {
    "rights": ("what its user may see", ""),
    "history": ("changes without a promotion", ""),
    "catalog": ("changes without a promotion", ""),
    "connections": ("connections near the limit", ""),
    "sessions": ("blocked and idle sessions", ""),
    "statements": ("slow queries", ""),
    "cron": ("failed jobs of pg_cron", ""),
    HIDDEN: (HIDDEN, "Grant pg_read_all_stats to the user of PRODUCTION_DATABASE_URL."),
}
"""What a part of a reading is for, as people call it, and the mend where there is one."""


def remembered(before: Mapping[str, Json] | None, reading: Reading, now: datetime) -> dict[str, Json]:
    """What is kept of a reading: each part that could not be read since when, and whether it ever could."""
    kept = before or {}
    since, seen = _texts(kept.get("since")), _list(kept.get("seen"))
    seen_now = [part for part in WORDS if part not in reading.unread]
    return {
        "at": now.isoformat(), "unread": dict(reading.unread), "connections": reading.connections,
        "since": {part: since.get(part, now.isoformat()) for part in reading.unread},
        "seen": list[Json](dict.fromkeys([*seen, *seen_now])),
    }


def unseen(shelves: Shelves, project: str) -> tuple[Blind, ...]:
    """Every part that is not watched now; of what never was set up too, which is told only to those who ask."""
    looked, heard = shelves.get(LOOKED, project) or {}, shelves.get(HEARD, project) or {}
    found = []
    if heard.get("why"):
        found.append(Blind(
            what=str(heard["what"]), why=str(heard["why"]), since=datetime.fromisoformat(str(heard["since"])),
            lost=heard.get("lost") is True,
        ))
    if looked.get("silent"):
        since = datetime.fromisoformat(str(looked["silent"]))
        return (*found, Blind(what="the database", why="it does not answer", since=since))
    since_by_part, seen = _texts(looked.get("since")), _list(looked.get("seen"))
    told: dict[str, Blind] = {}
    for part, why in _texts(looked.get("unread")).items():
        what, mend = WORDS.get(part, (part, ""))
        told.setdefault(what, Blind(
            what=what, why=why, mend=mend, lost=why != MISSING or part in seen,
            since=datetime.fromisoformat(since_by_part.get(part) or str(looked["at"])),
        ))
    return (*found, *told.values())


def sentences(blind: tuple[Blind, ...]) -> list[str]:
    """One a part."""
    return [f"{each.what}: {each.why.rstrip('.')}. {each.mend}".strip() for each in blind]


def _texts(value: Json) -> dict[str, str]:
    return {key: str(each) for key, each in value.items()} if isinstance(value, dict) else {}


def _list(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []

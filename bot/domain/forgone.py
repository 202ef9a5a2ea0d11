"""What going back costs in rows: how many lie in what a rollback drops, and how many of them came since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.entry import Json


@dataclass(frozen=True, kw_only=True)
class Forgone:
    """A table or a column that goes: rows of the one, rows with a value in the other."""

    what: str
    column: bool = False
    rows: int | None = None
    """None where they could not be counted."""
    since: int | None = None
    """How many of them were written since the promotion; None where nothing tells."""
    about: int = 0
    """Rows as the catalog has it, where they could not be counted."""
    why: str = ""
    """Why they could not."""

    def to_json(self) -> dict[str, Json]:
        return {
            "what": self.what, "column": self.column, "rows": self.rows, "since": self.since, "about": self.about,
            "why": self.why,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Forgone:
        rows, since, about = data.get("rows"), data.get("since"), data.get("about")
        return cls(
            what=str(data["what"]), column=bool(data.get("column")), rows=rows if isinstance(rows, int) else None,
            since=since if isinstance(since, int) else None, about=about if isinstance(about, int) else 0,
            why=str(data.get("why", "")),
        )


@dataclass(frozen=True, kw_only=True)
class Counted:
    """All of it, as it was at a moment; `why` says why nothing at all could be counted."""

    at: datetime
    forgone: tuple[Forgone, ...] = ()
    why: str = ""

    def to_json(self) -> dict[str, Json]:
        return {"at": self.at.isoformat(), "forgone": [each.to_json() for each in self.forgone], "why": self.why}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Counted:
        found = data.get("forgone")
        return cls(
            at=datetime.fromisoformat(str(data["at"])), why=str(data.get("why", "")),
            forgone=tuple(Forgone.from_json(one) for one in (found if isinstance(found, list) else [])
                          if isinstance(one, dict)),
        )

"""What follows from an incident: one record that keeps its preventive measures in sight until the last one is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.domain.entry import Entry


@dataclass(frozen=True, kw_only=True)
class Follow:
    """Folded from its entries; the measures themselves stand with the incident."""

    id: str
    incident: str
    reminded: tuple[tuple[str, str], ...] = ()
    """Which reminders were given: a measure's id and the reminder's name."""
    ended: str = ""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Follow:
        """Raises ValueError when the entries do not begin with the opening."""
        rest = iter(entries)
        first = next(rest, None)
        if first is None or first.kind != "follow.opened":
            raise ValueError("a follow-through that does not begin with its incident")
        follow = cls(id=first.about, incident=str(first.data["incident"]))
        for entry in rest:
            which = entry.data.get("which")
            if entry.kind == "action.reminded" and isinstance(which, list):
                given = tuple((str(entry.data["id"]), str(name)) for name in which)
                follow = replace(follow, reminded=(*follow.reminded, *given))
            elif entry.kind == "walk.ended":
                follow = replace(follow, ended=str(entry.data["verdict"]))
        return follow

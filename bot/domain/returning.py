"""What becomes of rows that are kept inside production when they are put back, table by table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.entry import Json

COUNTS = ("kept", "put", "same", "written", "gone")


@dataclass(frozen=True, kw_only=True)
class Returning:
    """How many of a table's `kept` rows go in or get their old values (`put`), and how many do not, and why not.

    `same` are there already as they were kept. `written` stay as they are, since somebody wrote them after the
    promotion, or another row has their key. `gone` lost their row to somebody since. `places` are the tables in which
    all of them lie besides.
    """

    table: str
    kept: int = 0
    put: int = 0
    same: int = 0
    written: int = 0
    gone: int = 0
    places: tuple[str, ...] = ()

    def __add__(self, other: Returning) -> Returning:
        return Returning(
            table=self.table, kept=self.kept + other.kept, put=self.put + other.put, same=self.same + other.same,
            written=self.written + other.written, gone=self.gone + other.gone, places=(*self.places, *other.places),
        )

    @property
    def said(self) -> str:
        """`books: 297 of 300 rows back; 2 were written since and stay as they are`."""
        parts = [f"{_short(self.table)}: {self.put:,} of {self.kept:,} row{'' if self.kept == 1 else 's'} back"]
        if self.same:
            parts.append(f"{self.same:,} {_are(self.same)} there as {_they(self.same)} were")
        if self.written:
            stay = "stays as it is" if self.written == 1 else "stay as they are"
            parts.append(f"{self.written:,} {_was(self.written)} written since and {stay}")
        if self.gone:
            parts.append(f"{self.gone:,} {_was(self.gone)} deleted since and stay{'s' if self.gone == 1 else ''} away")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Json]:
        return {
            "table": self.table, "places": list(self.places), "kept": self.kept, "put": self.put, "same": self.same,
            "written": self.written, "gone": self.gone,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Returning:
        places = data.get("places")
        return cls(
            table=str(data["table"]), places=tuple(map(str, places)) if isinstance(places, list) else (),
            **{name: count for name in COUNTS if isinstance(count := data.get(name), int)},
        )


def by_table(parts: Iterable[Returning]) -> tuple[Returning, ...]:
    """Together what belongs together, sorted by table."""
    found: dict[str, Returning] = {}
    for part in parts:
        found[part.table] = found[part.table] + part if part.table in found else part
    return tuple(found[table] for table in sorted(found))


def returning(value: Json) -> tuple[Returning, ...]:
    """As they were journalled; nothing where an older release journalled none."""
    return tuple(Returning.from_json(each) for each in value if isinstance(each, dict)) if isinstance(
        value, list,
    ) else ()


def left(parts: Iterable[Returning]) -> tuple[str, ...]:
    """Where the old values of rows lie that do not go back, though their table was written since."""
    return tuple(place for part in parts if part.written or part.gone for place in part.places)


def moved(approved: Iterable[Returning], now: Iterable[Returning]) -> tuple[str, ...]:
    """What of `now` people did not approve: more that is written over, or more that stays away than they saw."""
    seen = {part.table: part for part in approved}
    found = []
    for part in now:
        before = seen.get(part.table, Returning(table=part.table))
        if part.put > before.put or part.written > before.written or part.gone > before.gone:
            found.append(part.said)
    return tuple(found)


def _short(table: str) -> str:
    return table.removeprefix("public.")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _they(count: int) -> str:
    return "it" if count == 1 else "they"

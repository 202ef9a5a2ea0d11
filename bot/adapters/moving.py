"""What every store can hand over whole, table by table, and take in: the common shape behind `journal copy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeAlias

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = Sequence[Value]

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "entries": ("seq", "id", "at", "about", "kind", "actor", "data", "private_hash", "previous", "hash"),
    "private": ("seq", "entry", "salt", "text"),
    "records": (
        "opened", "id", "kind", "project", "stage", "status", "due", "waits_for", "folded", "touched", "others",
        "announced", "summary",
    ),
    "fences": ("record", "fence"),
    "numbers": ("series", "last"),
    "documents": ("place", "shelf", "key", "doc"),
    "blobs": ("sha256", "content"),
    "deliveries": ("place", "key", "kind", "payload", "received", "attempts", "turn", "finished"),
    "faults": (
        "place", "project", "environment", "fingerprint", "source", "severity", "sqlstate", "template", "objects",
        "first_seen", "last_seen", "total", "sampled", "hits", "fold",
    ),
    "minutes": ("cell", "count"),
    "hours": ("cell", "count"),
    "marks": ("mark", "hour"),
    "samples": ("place", "fault", "at", "expires", "text"),
    "reaches": ("name", "up_to", "heard", "cursor"),
    "gaps": ("place", "project", "environment", "begun", "ended", "why"),
    "answers_minutes": ("name", "asked", "failed"),
    "answers_hours": ("name", "asked", "failed"),
}

NUMBERED: Final = ("documents", "deliveries", "faults", "samples", "gaps")
"""Tables whose places a store gives out itself, and goes on counting where a copy ended."""
"""Everything that a store holds, in the columns that all stores share; the first is the key and the order.

What a store makes of it for itself, an index for searching say, is not moved but made again.
"""


class Reading(Protocol):
    """A table's rows in order. Times are text as `links.moment` writes it."""

    def rows(self, table: str) -> Iterator[Row]: ...


class Filling(Reading, Protocol):
    """An empty store that is being filled, in one transaction; `rows` reads back what was put in."""

    def add(self, table: str, rows: Iterable[Row]) -> None: ...


class Movable(Reading, Protocol):
    """What every journal adapter also is."""

    def empty(self) -> bool: ...

    def filling(self) -> AbstractContextManager[Filling]:
        """Everything is kept when the block has ended, or nothing when it raised."""
        ...

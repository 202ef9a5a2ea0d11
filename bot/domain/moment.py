"""A database at one moment: all that a judgement reads of it, read at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.catalog import Snapshot
from bot.domain.migration import Applied


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The migration history and what the schemas hold that belongs to it.

    `sizes` is about how many rows each table has, by `schema.table`; `leftovers` says which indexes are INVALID and
    which constraints NOT VALID. `catalog` is None where it alone could not be read; `unread` says why.
    """

    history: tuple[Applied, ...]
    sizes: Mapping[str, int]
    leftovers: tuple[str, ...]
    catalog: Snapshot | None = None
    unread: str = ""

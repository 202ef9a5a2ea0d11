"""Putting rows back that a promotion destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from bot.domain.applying import Applying
from bot.domain.entry import Entry, Json
from bot.domain.returning import Returning, returning
from bot.domain.values import integer


@dataclass(frozen=True, kw_only=True)
class RowsBack(Applying):
    """Part of a record that puts kept rows back."""

    restores: str = ""
    """Set where the rows that another promotion destroyed are put back: which one."""
    kept_rows: Mapping[str, Json] = field(default_factory=dict)
    """What there is to put back: tables, rows, since."""
    returned: tuple[Returning, ...] = ()
    """What became of the rows, by table, once they are back."""
    tries: int = 0
    """How often they could not be put back."""


R = TypeVar("R", bound=RowsBack)


def _rows_seen(p: R, e: Entry) -> R:
    return replace(p, kept_rows=e.data)


def _rows_attempt(p: R, e: Entry) -> R:
    return replace(p, restoring=True)


def _rows_back(p: R, e: Entry) -> R:
    tables = e.data["tables"]
    if isinstance(tables, dict):    # as earlier releases noted it
        return replace(p, returned=tuple(Returning(table=table, put=integer(rows)) for table, rows in tables.items()))
    return replace(p, returned=returning(tables))


def _rows_not_back(p: R, e: Entry) -> R:
    return replace(p, restoring=False, tries=p.tries + 1)


class Fold(Protocol):
    """What one kind of entry makes of a promotion."""

    def __call__(self, p: R, e: Entry, /) -> R: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "rows.seen": _rows_seen,
    "rows.attempt": _rows_attempt,
    "rows.back": _rows_back,
    "rows.not_back": _rows_not_back,
}

"""What a file does to rows that were there: going back from it changes the schema, and leaves the rows as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.catalog import Snapshot
from bot.domain.way_back import Change
from bot.errors import Refused
from bot.migrations.catalog.scope import PLATFORM
from bot.migrations.keeping.losses import Loss, losses
from bot.migrations.transaction import in_a_trial

_PART = re.compile(r'"([^"]+)"|([^\s."]+)')
INSERT = re.compile(
    r'(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*insert\s+into\s+'
    r'((?:"[^"]+"|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))?)', re.IGNORECASE,
)
"""How an INSERT begins, comments aside, and into which table."""


Done = tuple[tuple[str, ...], tuple[str, ...]]
"""What is lost, and what else is done to rows: `the rows that it deletes from books`, `overwrites books.price`."""


def rows_of(change: Change, before: Snapshot, after: Snapshot) -> Done:
    """What a file does to rows; nothing of a file that cannot be tried, which says so."""
    try:
        statements = [statement for content in change.up for statement in in_a_trial(content)]
    except Refused:
        return (), ()
    known, lost, left = _Known(before, after), dict[str, None](), dict[str, None]()
    for statement in statements:
        into = INSERT.match(statement)
        if into and (name := known.table(into[1])):
            left[f"inserts into {name}"] = None
        for loss in () if into and "conflict" not in statement.lower() else losses(statement):
            if name := known.table(loss.table):
                gone, other = _said(loss, name, statement, known)
                lost |= dict.fromkeys(gone)
                left |= dict.fromkeys(other)
    return tuple(lost), tuple(left)


class _Known:
    """The tables that are there before and after, and the columns from before."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        was, now = ({_bare(key[1]) for key in one.of_kind("table")} for one in (before, after))
        self._tables = was & now
        self.columns = {_bare(key[1]) for key in before.of_kind("column")}

    def table(self, written: str) -> str:
        """A table's name as people say it; empty for one that the file makes or drops, or that nobody knows."""
        parts = [quoted or plain.lower() for quoted, plain in _PART.findall(written)]
        name = ".".join(parts if len(parts) > 1 else ("public", *parts))
        if name.partition(".")[0] in PLATFORM:
            return name
        return name.removeprefix("public.") if name in self._tables else ""


def _said(loss: Loss, name: str, statement: str, known: _Known) -> tuple[list[str], list[str]]:
    match loss.why:
        case "truncate":
            return [f"all rows of {name}"], []
        case "delete":
            return [f"the rows that it deletes from {name}"], []
        case "merge":
            deletes = re.search(r"\bthen\s+delete\b", statement, re.IGNORECASE)
            return [f"the rows that it deletes from {name}"] if deletes else [], [f"overwrites rows of {name}"]
        case "update":
            return [], [f"overwrites {what}" for what in _overwritten(loss, name, known)]
        case _:
            return [], []


def _overwritten(loss: Loss, name: str, known: _Known) -> Iterator[str]:
    """Columns that were there: one that the file itself adds held nothing yet."""
    if not loss.columns:
        yield f"rows of {name}"
    foreign = name.partition(".")[0] in PLATFORM
    qualified = name if "." in name else f"public.{name}"
    for column in loss.columns:
        if foreign or f"{qualified}.{column}" in known.columns:
            yield f"{name}.{column}"


def _bare(name: str) -> str:
    return name.replace('"', "")

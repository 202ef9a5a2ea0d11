"""What a file does to rows that were there: going back from it changes the schema, and leaves the rows as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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


def rows_of(change: Change, before: Snapshot, after: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What of rows is lost, and what else it does to them; nothing of a file that cannot be tried, which says so."""
    try:
        statements = [statement for content in change.up for statement in in_a_trial(content)]
    except Refused:
        return (), ()
    return _lost(statements, before, after), _left(statements, before, after)


def _lost(statements: Sequence[str], before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Rows that the statements delete: `the rows that it deletes from books`."""
    found: list[str] = []
    for statement in statements:
        for loss in losses(statement):
            name = _there(loss.table, before, after)
            if name and loss.why == "truncate":
                found.append(f"all rows of {name}")
            elif name and (loss.why == "delete" or (loss.why == "merge" and _deletes(statement))):
                found.append(f"the rows that it deletes from {name}")
    return tuple(dict.fromkeys(found))


def _left(statements: Sequence[str], before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """What else they do to rows, and nothing takes back: `overwrites books.price`, `inserts into regions`."""
    found: list[str] = []
    for statement in statements:
        for loss in losses(statement):
            if (name := _there(loss.table, before, after)) and loss.why in ("update", "merge"):
                found += [f"overwrites {what}" for what in _overwritten(loss, name, before)]
        if (into := INSERT.match(statement)) and (name := _there(into[1], before, after)):
            found.append(f"inserts into {name}")
    return tuple(dict.fromkeys(found))


def _overwritten(loss: Loss, name: str, before: Snapshot) -> Iterator[str]:
    """Columns that were there: one that the file itself adds held nothing yet."""
    if not loss.columns:
        yield f"rows of {name}"
    known = {_bare(key[1]) for key in before.of_kind("column")}
    qualified = name if "." in name else f"public.{name}"
    foreign = not any(one.startswith(f"{qualified}.") for one in known)
    for column in loss.columns:
        if foreign or f"{qualified}.{column}" in known:
            yield f"{name}.{column}"


def _there(written: str, before: Snapshot, after: Snapshot) -> str:
    """A table's name as people say it; empty for one that the file makes or drops, or that nobody knows."""
    parts = [quoted or plain.lower() for quoted, plain in _PART.findall(written)]
    name = ".".join(parts if len(parts) > 1 else ("public", *parts))
    if name.partition(".")[0] in PLATFORM:
        return name
    was, now = ({_bare(key[1]) for key in one.of_kind("table")} for one in (before, after))
    return name.removeprefix("public.") if name in was and name in now else ""


def _deletes(statement: str) -> bool:
    return re.search(r"\bthen\s+delete\b", statement, re.IGNORECASE) is not None


def _bare(name: str) -> str:
    return name.replace('"', "")

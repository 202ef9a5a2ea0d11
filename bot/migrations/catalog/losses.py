"""What no SQL brings back: data that a change destroyed, and data that going back from it would destroy."""

from __future__ import annotations

import re
from collections.abc import Set

from bot.domain.catalog import Key, Snapshot
from bot.domain.values import texts

_SIZED = re.compile(r"(?:character varying|character|numeric|bit varying|bit)(?:\(|$)")
_WIDER = {
    "smallint": {"integer", "bigint", "numeric", "real", "double precision", "text", "character varying"},
    "integer": {"bigint", "numeric", "double precision", "text", "character varying"},
    "bigint": {"numeric", "text", "character varying"},
    "real": {"double precision", "text"},
    "double precision": {"text"}, "uuid": {"text", "character varying"}, "json": {"text"}, "boolean": {"text"},
    "date": {"text"}, "jsonb": {"text", "json"}, "numeric": {"text"}, "inet": {"text"},
}


def lost(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """What a change from `before` to `after` destroys for good."""
    return tuple(dict.fromkeys((*_gone(before, after), *_narrowed(before, after))))


def narrowed(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """What is written after the change and does not fit what a column was before."""
    return tuple(dict.fromkeys(_narrowed(after, before)))


def given_up(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """What is written after the change and goes when it is taken back."""
    dropped = [f"what is written to {what.removeprefix('the values of ')}" for what in _gone(after, before)]
    return tuple(dict.fromkeys((*dropped, *narrowed(before, after))))


def gone(old: Snapshot, new: Snapshot) -> tuple[tuple[str, str], ...]:
    """The tables, and the columns of tables that stay, which the other catalog no longer holds.

    Names are as SQL has them; an empty column stands for the whole table.
    """
    tables = {key for key in old.of_kind("table") if not _still(key, old, new)}
    found = [(key[1], "") for key in sorted(tables) if not _part_of_one(key, tables, old)]
    for key in old.of_kind("column"):
        table = old.parents[key][0]
        if _still(key, old, new) or old.objects[key].get("generated") or not _still(table, old, new):
            continue
        if key not in old.inherited:
            found.append((table[1], key[1].removeprefix(f"{table[1]}.")))
    return tuple(found)


def _part_of_one(key: Key, tables: Set[Key], old: Snapshot) -> bool:
    """Whether a table is a partition of one that goes as a whole."""
    doc = old.objects[key]
    return bool(doc.get("bound")) and any(("table", above) in tables for above in texts(doc.get("inherits")))


def _gone(old: Snapshot, new: Snapshot) -> list[str]:
    return [
        f"the values of {_plain(f'{table}.{column}')}" if column else f"the rows of {_plain(table)}"
        for table, column in gone(old, new)
    ]


def _still(key: Key, old: Snapshot, new: Snapshot) -> bool:
    """Whether the very object is there, under whatever name: one that was dropped and made anew has lost its data."""
    if old.ids and new.ids:
        return old.ids[key] in set_of(new)
    return key in new.objects


def set_of(catalog: Snapshot) -> frozenset[str]:
    found: frozenset[str] | None = catalog.__dict__.get("_id_set")
    if found is None:
        found = frozenset(catalog.ids.values())
        catalog.__dict__["_id_set"] = found
    return found


def _narrowed(old: Snapshot, new: Snapshot) -> list[str]:
    renamed = {id: key for key, id in new.ids.items()}
    found: list[str] = []
    for key in old.of_kind("column"):
        other = renamed.get(old.ids.get(key, ""), key) if old.ids and new.ids else key
        if other not in new.objects or other[0] != "column":
            continue
        was, now = str(old.objects[key]["type"]), str(new.objects[other]["type"])
        if was != now and not _holds(was, now, old, new):
            found.append(f"what {_plain(key[1])} ({was}) cannot keep as {now}")
    return found


def _holds(was: str, now: str, old: Snapshot, new: Snapshot) -> bool:
    """Whether every value of the one type survives in the other; where that is not sure, it does not."""
    if ("enum", was) in old.objects:
        return now in ("text", "character varying")
    plain, sized = _apart(was), _apart(now)
    if plain[0] == sized[0]:
        return _fits(plain[1], sized[1])
    if now in ("text", "character varying"):
        return bool(_SIZED.match(was)) or now in _WIDER.get(plain[0], set())
    return now in _WIDER.get(plain[0], set())


def _apart(type_: str) -> tuple[str, tuple[int, ...]]:
    if match := re.fullmatch(r"([a-z ]+)\(([\d,]+)\)( [a-z ]+)?", type_):
        return match[1] + (match[3] or ""), tuple(int(size) for size in match[2].split(","))
    return type_, ()


def _fits(was: tuple[int, ...], now: tuple[int, ...]) -> bool:
    if not now:
        return True
    if len(was) != len(now):
        return False
    if len(now) == 2:  # numeric: digits before the point, and after it
        return now[0] - now[1] >= was[0] - was[1] and now[1] >= was[1]
    return now[0] >= was[0]


def _plain(name: str) -> str:
    return name.removeprefix("public.")

"""Takes a snapshot: one message to the server, and its rows sorted out by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import psycopg

from bot.domain.catalog import Key, Snapshot
from bot.domain.entry import Json
from bot.migrations.catalog.queries import NEEDS, OBJECTS, PINNED, SERVER

_INSIDE = f"savepoint stagedoor_catalog; {PINNED}"
_BACK = "rollback to savepoint stagedoor_catalog; release savepoint stagedoor_catalog"
ASKED = ";".join((SERVER, *OBJECTS, NEEDS))
"""What `read` makes a snapshot of, where the answers come in this order."""
_GRANT = re.compile(r'("(?:[^"]|"")*"|[^=]*)=([A-Za-z*]*)/')

Row = tuple[Any, ...]


def snapshot(connection: psycopg.Connection) -> Snapshot:
    """The catalog as this connection sees it, in its transaction or one of its own. Its settings stay as they are."""
    inside = connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    before, after = (_INSIDE, _BACK) if inside else (f"begin read only; {PINNED}", "commit")
    cursor = connection.execute(f"{before}; {ASKED}; {after}".encode())
    answers = []
    while True:
        if cursor.description:
            answers.append(cursor.fetchall())
        if not cursor.nextset():
            break
    return read(answers)


def read(answers: Sequence[list[Row]]) -> Snapshot:
    """The snapshot that the answers to `ASKED` add up to."""
    return _sorted(answers[0][0][0], [row for rows in answers[1:-1] for row in rows], answers[-1])


def _sorted(server: int, rows: list[Row], needs: list[Row]) -> Snapshot:
    named = _named(rows)
    objects: dict[Key, dict[str, Json]] = {}
    parents: dict[Key, tuple[Key, ...]] = {}
    order: defaultdict[str, list[str]] = defaultdict(list)
    own = [row for row in rows if row[1] != "_alias"]
    for _, kind, name, above, doc in own:
        key = (kind, name)
        if over := _over(key, above, doc, named):
            parents[key] = over
        if kind == "column":
            order[over[0][1]].append(name.removeprefix(over[0][1] + "."))
        if "_acl" in doc:
            doc["acl"] = _grants(doc["_acl"])
        objects[key] = {what: value for what, value in doc.items() if not what.startswith("_")}
    return Snapshot(
        server=server, objects=objects, order={table: tuple(columns) for table, columns in order.items()},
        parents=parents, needs=_needs(named, needs), ids={(kind, name): id for id, kind, name, _, _ in own},
        inherited=frozenset((kind, name) for _, kind, name, _, doc in own if doc.get("_inherited")),
    )


def _named(rows: list[Row]) -> dict[str, Key]:
    """Each id's object; the index of a constraint and the row type of a table are one with it."""
    named: dict[str, Key] = {id: (kind, name) for id, kind, name, _, _ in rows if kind != "_alias"}
    for id, kind, _, same, doc in rows:
        if kind == "_alias":
            named.setdefault(id, named.get(same, ("", "")))
        for link in ("_index", "_relation"):
            if other := doc.get(link):
                named[other] = named[id]
    return named


def _over(key: Key, above: str, doc: dict[str, Any], named: dict[str, Key]) -> tuple[Key, ...]:
    """What an object goes away with; a table of the platform is not itself in the catalog."""
    over = tuple(found for id in above.split() if (found := _found(named, id)) and found != key)
    return (("table", doc["_on"]),) if doc.get("_on") and not over else over


def _needs(named: dict[str, Key], rows: list[Row]) -> dict[Key, tuple[Key, ...]]:
    needs: defaultdict[Key, dict[Key, None]] = defaultdict(dict)
    for one, other in rows:
        key, on = _found(named, one), _found(named, other)
        if key and on and key != on:
            needs[key][on] = None
    return {key: tuple(on) for key, on in needs.items()}


def _found(named: dict[str, Key], id: str) -> Key | None:
    """The object of an id; a column that is not listed (a view's) counts as its relation."""
    key = named.get(id) or named.get(id.rpartition(":")[0] + ":0")
    return key if key and key[0] else None


def _grants(acl: list[str]) -> dict[str, Json]:
    """`{"anon": "arw"}`: letters as the server writes them, whoever granted them."""
    found: dict[str, str] = {}
    for item in acl:
        if match := _GRANT.match(item):
            role = match[1] or "PUBLIC"
            letters = sorted({*re.findall(r"[A-Za-z]\*?", found.get(role, "")), *re.findall(r"[A-Za-z]\*?", match[2])})
            found[role] = "".join(letters)
    return dict(found)

"""Takes a snapshot: one message to the server, and its rows sorted out by name."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import psycopg

from bot.domain.catalog import Key, Snapshot
from bot.domain.entry import Json
from bot.migrations.catalog.queries import NEEDS, OBJECTS, PINNED, SERVER

_INSIDE = f"savepoint stagedoor_catalog; {PINNED}"
_BACK = "rollback to savepoint stagedoor_catalog; release savepoint stagedoor_catalog"
_ASKED = ";".join((SERVER, *OBJECTS, NEEDS))
_GRANT = re.compile(r'("(?:[^"]|"")*"|[^=]*)=([A-Za-z*]*)/')

Row = tuple[Any, ...]


def snapshot(connection: psycopg.Connection) -> Snapshot:
    """The catalog as this connection sees it, within its transaction or in one of its own. Settings stay as they are."""
    inside = connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    before, after = (_INSIDE, _BACK) if inside else (f"begin read only; {PINNED}", "commit")
    cursor = connection.execute(f"{before}; {_ASKED}; {after}".encode())
    answers = []
    while True:
        if cursor.description:
            answers.append(cursor.fetchall())
        if not cursor.nextset():
            break
    return _sorted(answers[0][0][0], [row for rows in answers[1:-1] for row in rows], answers[-1])


def _sorted(server: int, rows: list[Row], needs: list[Row]) -> Snapshot:
    named: dict[str, Key] = {id: (kind, name) for id, kind, name, _, _ in rows if kind != "_alias"}
    for id, kind, _, same, doc in rows:
        if kind == "_alias":
            named.setdefault(id, named.get(same, ("", "")))
        for link in ("_index", "_relation"):
            if other := doc.get(link):
                named[other] = named[id]
    objects: dict[Key, dict[str, Json]] = {}
    parents: dict[Key, tuple[Key, ...]] = {}
    order: defaultdict[str, list[str]] = defaultdict(list)
    inherited: set[Key] = set()
    for _, kind, name, above, doc in rows:
        if kind == "_alias":
            continue
        key = (kind, name)
        over = tuple(found for id in above.split() if (found := _found(named, id)) and found != key)
        if doc.get("_on") and not over:  # on a table of the platform, which is not itself in the catalog
            over = (("table", doc["_on"]),)
        if over:
            parents[key] = over
        if kind == "column":
            order[over[0][1]].append(name.removeprefix(over[0][1] + "."))
        if doc.get("_inherited"):
            inherited.add(key)
        if "_acl" in doc:
            doc["acl"] = _grants(doc["_acl"])
        objects[key] = {what: value for what, value in doc.items() if not what.startswith("_")}
    return Snapshot(
        server=server, objects=objects, order={table: tuple(columns) for table, columns in order.items()},
        parents=parents, needs=_needs(named, needs), inherited=frozenset(inherited),
        ids={(kind, name): id for id, kind, name, _, _ in rows if kind != "_alias"},
    )


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

"""Objects of one database that are the same under another name or in another schema."""

from __future__ import annotations

from collections.abc import Container

from bot.domain.catalog import Key, Snapshot
from bot.migrations.catalog.words import ON_THEIR_TABLE, kind_of

_OWN_NAME = (
    "schema", "table", "view", "matview", "sequence", "index", "enum", "domain", "composite", "range", "function",
    "column", "constraint", "trigger", "policy", "rule", "publication", "statistics",
)


def renamed(before: Snapshot, after: Snapshot) -> dict[Key, Key]:
    """What is still there under another name or in another schema: old name to new one."""
    known = {id: key for key, id in before.ids.items()}
    return {
        old: key for key, id in after.ids.items()
        if (old := known.get(id)) and old != key and old[0] == key[0]
        and old not in after.objects and key not in before.objects
    }


def renames(now: Snapshot, then: Snapshot) -> list[str]:
    """The statements that give objects their names of `then` back; one level, what hangs on them follows by itself."""
    known = {id: key for key, id in then.ids.items()}
    said: dict[Key, list[str]] = {}
    for key, id in now.ids.items():
        old = known.get(id)
        if old is None or old == key or key in then.objects or old in now.objects or old[0] != key[0]:
            continue
        if key[0] in _OWN_NAME and key not in now.inherited and (back := _back(key, old, now, then)):
            said[key] = back
    return [one for key, back in said.items() if not _within(key, said, now) for one in back]


def _within(key: Key, moving: Container[Key], now: Snapshot) -> bool:
    """Whether what an object is in or on gets its old name back first: until then it goes by another one."""
    return any(above in moving or _within(above, moving, now) for above in now.parents.get(key, ()))


def _back(key: Key, old: Key, now: Snapshot, then: Snapshot) -> list[str]:
    schema, name = _apart(key, now)
    was_in, was = _apart(old, then)
    said: list[str] = []
    doc = now.objects[key]
    if key[0] == "column" or key[0] in ON_THEIR_TABLE:
        return [f"ALTER {_head(key, schema, name, now)} TO {was}"] if name != was else []
    if name != was:
        arguments = key[1][len(f"{schema}.{name}"):] if key[0] == "function" else ""
        dot = "" if key[0] in ("schema", "publication") else f"{schema}."
        said.append(f"ALTER {kind_of(key, doc)} {dot}{name}{arguments} RENAME TO {was}")
    # Where the schema itself got another name, its objects follow that.
    if schema != was_in and ("schema", was_in) in now.objects and key[0] not in ("index", "schema", "publication"):
        arguments = key[1][len(f"{schema}.{name}"):] if key[0] == "function" else ""
        said.append(f"ALTER {kind_of(key, doc)} {schema}.{was}{arguments} SET SCHEMA {was_in}")
    return said


def _head(key: Key, table: str, name: str, now: Snapshot) -> str:
    if key[0] == "column":
        return f"TABLE {table} RENAME COLUMN {name}"
    if key[0] == "constraint":
        kind = "DOMAIN" if now.objects[key].get("domain") else "TABLE"
        return f"{kind} {table} RENAME CONSTRAINT {name}"
    return f"{kind_of(key, now.objects[key])} {name} ON {table} RENAME"


def _apart(key: Key, catalog: Snapshot) -> tuple[str, str]:
    """Where an object is, its schema or its table, and its own name there."""
    above = catalog.parents.get(key, ())
    if not above:
        return "", key[1]
    place = above[0]
    if key[0] in ("index", "statistics"):
        place = catalog.parents[place][0]
    name = key[1].removeprefix(place[1] + ".")
    return place[1], name.split("(", 1)[0] if key[0] == "function" else name

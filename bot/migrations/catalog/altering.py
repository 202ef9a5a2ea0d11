"""The statements that turn an object into what it was, in place; None where it has to be made anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from bot.domain.catalog import Doc, Key, Snapshot
from bot.domain.entry import Json
from bot.domain.values import texts
from bot.migrations.catalog.making import (
    column_words,
    firing,
    identity_words,
    labels,
    make,
    publishing,
    sequence_words,
)
from bot.migrations.catalog.words import (
    comment,
    default_grants,
    grants,
    kind_of,
    literal,
    named,
    short,
    table_of,
)

_DRESS = {"comment", "acl", "owner"}


def alter(key: Key, now: Snapshot, then: Snapshot) -> list[str] | None:
    """What makes the object of `now` the one of `then`."""
    old, new = now.objects[key], then.objects[key]
    parts = {part for part in {*old, *new} if old.get(part) != new.get(part)}
    if key[0] == "default_privileges":
        return default_grants(new, old["acl"], new["acl"])
    body = parts - _DRESS
    said: list[str] = []
    if body:
        turn = _ALTER.get(key[0])
        turned = turn(key, body, now, then) if turn else None
        if turned is None:
            return None
        said += turned
    if "owner" in parts:
        said.append(f"ALTER {named(key, new, then)} OWNER TO {new['owner']}")
    if "acl" in parts and key[0] != "default":
        said += grants(key, new, then, old.get("acl"), new.get("acl"))
    if "comment" in parts:
        said.append(comment(key, new, then, new.get("comment")))
    return said


def lets_go(key: Key, now: Snapshot, then: Snapshot) -> list[str]:
    """What an object has to let go of before anything is dropped."""
    old, new = now.objects[key], then.objects[key]
    if key[0] == "table" and old.get("bound") and old.get("bound") != new.get("bound"):
        return [f"ALTER TABLE {texts(old['inherits'])[0]} DETACH PARTITION {key[1]}"]
    if key[0] == "sequence" and old.get("owned_by") != new.get("owned_by"):
        return [f"ALTER SEQUENCE {key[1]} OWNED BY NONE"]
    if key[0] == "table" and str(old.get("replica_identity", "")).startswith("using") and (
        old.get("replica_identity") != new.get("replica_identity")
    ):
        return [f"ALTER TABLE {key[1]} REPLICA IDENTITY DEFAULT"]
    if key[0] == "column" and old.get("identity") and not new.get("identity"):
        # Its hidden sequence may have the name of one that comes back.
        return [f"ALTER TABLE {table_of(key, then)} ALTER COLUMN {short(key, then)} DROP IDENTITY"]
    return []


def _table(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    old, new, name = now.objects[key], then.objects[key], key[1]
    if parts & {"partition_key", "foreign", "method"}:
        return None
    said: list[str] = []
    if "rls" in parts:
        said.append(f"ALTER TABLE {name} {'ENABLE' if new['rls'] else 'DISABLE'} ROW LEVEL SECURITY")
    if "force_rls" in parts:
        said.append(f"ALTER TABLE {name} {'FORCE' if new['force_rls'] else 'NO FORCE'} ROW LEVEL SECURITY")
    if "persistence" in parts:
        said.append(f"ALTER TABLE {name} SET {'UNLOGGED' if new.get('persistence') == 'u' else 'LOGGED'}")
    if "replica_identity" in parts:
        words = str(new.get("replica_identity", "default"))
        said.append(f"ALTER TABLE {name} REPLICA IDENTITY {words if words.startswith('using') else words.upper()}")
    said += _options(f"ALTER TABLE {name}", old, new)
    if "bound" in parts:
        if new.get("bound"):
            said.append(f"ALTER TABLE {texts(new['inherits'])[0]} ATTACH PARTITION {name} {new['bound']}")
    elif "inherits" in parts:
        had, has = texts(old.get("inherits")), texts(new.get("inherits"))
        said += [f"ALTER TABLE {name} NO INHERIT {parent}" for parent in had if parent not in has]
        said += [f"ALTER TABLE {name} INHERIT {parent}" for parent in has if parent not in had]
    return said


def _options(head: str, old: Doc, new: Doc) -> list[str]:
    had, has = texts(old.get("options")), texts(new.get("options"))
    gone = sorted({option.partition("=")[0] for option in had} - {option.partition("=")[0] for option in has})
    set_ = [option for option in has if option not in had]
    return [
        *([f"{head} RESET ({', '.join(gone)})"] if gone else []),
        *([f"{head} SET ({', '.join(set_)})"] if set_ else []),
    ]


def _column(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    old, new = now.objects[key], then.objects[key]
    had, has = old.get("identity"), new.get("identity")
    if "generated" in parts and new.get("generated"):
        return None
    if isinstance(had, dict) and isinstance(has, dict) and had.get("name") != has.get("name"):
        return None
    name = short(key, then)
    words = [
        *(["DROP EXPRESSION"] if "generated" in parts else []),
        *([_type(name, new)] if parts & {"type", "collation"} else []),
        *([f"{'SET' if new.get('not_null') else 'DROP'} NOT NULL"] if "not_null" in parts else []),
        *(_identity(had, has) if "identity" in parts else []),
        *_kept(parts, new),
    ]
    head = f"ALTER TABLE {table_of(key, then)} ALTER COLUMN {name}"
    return [f"{head} {word}" for word in words] + (_options(head, old, new) if "options" in parts else [])


def _type(name: str, new: Doc) -> str:
    collate = f" COLLATE {new['collation']}" if new.get("collation") else ""
    return f"TYPE {new['type']}{collate} USING {name}::{new['type']}"


def _identity(had: Json, has: Json) -> list[str]:
    if not isinstance(has, dict):
        return []
    if not isinstance(had, dict):
        return [f"ADD {identity_words(has)}"]
    return [f"SET GENERATED {'ALWAYS' if has['always'] else 'BY DEFAULT'} {_set(has)}"]


def _kept(parts: set[str], new: Doc) -> list[str]:
    """How a column is stored and counted."""
    storage = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}.get(str(new.get("storage")), "DEFAULT")
    compression = {"p": "pglz", "l": "lz4"}.get(str(new.get("compression")), "default")
    words = {
        "storage": f"SET STORAGE {storage}", "compression": f"SET COMPRESSION {compression}",
        "statistics": f"SET STATISTICS {new.get('statistics', -1)}",
    }
    return [said for part, said in words.items() if part in parts]


def _set(sequence: Mapping[str, Json]) -> str:
    words = sequence_words(sequence)
    for word in ("START", "INCREMENT", "MINVALUE", "MAXVALUE", "CACHE", "NO CYCLE", "CYCLE"):
        if word != "CYCLE" or "NO CYCLE" not in words:
            words = words.replace(word, f"SET {word}", 1)
    return words


def _default(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str]:
    return make(key, then)[0]


def _view(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    old, new = now.objects[key], then.objects[key]
    had, has = texts(old.get("columns")), texts(new.get("columns"))
    if key[0] == "matview" or has[: len(had)] != had:
        return None
    said = [] if parts == {"options"} else [make(key, then)[0][0]]
    return said + _options(f"ALTER VIEW {key[1]}", old, new)


def _function(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    if parts & {"arguments", "result", "kind", "aggregate"}:
        return None
    return [str(then.objects[key]["definition"]).rstrip()]


def _trigger(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    if parts != {"enabled"}:
        return None
    doc = then.objects[key]
    if key[0] == "event_trigger":
        return [f"ALTER EVENT TRIGGER {key[1]} {firing(doc)}"]
    return [f"ALTER TABLE {table_of(key, then)} {firing(doc)} {kind_of(key, doc)} {short(key, then)}"]


def _sequence(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str]:
    new = then.objects[key]
    said: list[str] = []
    if "sequence" in parts:
        sequence = cast(dict[str, Json], new["sequence"])
        said.append(f"ALTER SEQUENCE {key[1]} AS {sequence['type']} {sequence_words(sequence)}")
    if "owned_by" in parts:
        said.append(f"ALTER SEQUENCE {key[1]} OWNED BY {new.get('owned_by', 'NONE')}")
    return said


def _index(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    if parts != {"clustered"}:
        return None
    table = table_of(key, then)
    if then.objects[key].get("clustered"):
        return [f"ALTER TABLE {table} CLUSTER ON {key[1].rpartition('.')[2]}"]
    return [f"ALTER TABLE {table} SET WITHOUT CLUSTER"]


def _enum(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str]:
    """A type with the old labels takes the place of this one: a label can be renamed, but not taken out of a type."""
    had, has = texts(now.objects[key].get("labels")), texts(then.objects[key].get("labels"))
    renamed = [(was, is_) for was, is_ in zip(had, has, strict=False) if was != is_]
    fresh = not {was for was, _ in renamed} & set(has) and not {is_ for _, is_ in renamed} & set(had)
    if len(had) == len(has) and fresh:
        return [f"ALTER TYPE {key[1]} RENAME VALUE {literal(was)} TO {literal(is_)}" for was, is_ in renamed]
    schema, _, name = key[1].rpartition(".")
    aside = f'{schema}."{name.strip(chr(34))[:50]} (before)"'
    said = [
        f"ALTER TYPE {key[1]} RENAME TO {aside.rpartition('.')[2]}",
        f"CREATE TYPE {key[1]} AS ENUM ({labels(then.objects[key])})",
    ]
    for column in now.of_kind("column"):
        kind = str(now.objects[column]["type"])
        if kind.removesuffix("[]") == key[1] and column in then.objects and column not in now.inherited:
            head, own = f"ALTER TABLE {table_of(column, now)} ALTER COLUMN", short(column, now)
            text = "text[]" if kind.endswith("[]") else "text"
            said.append(f"{head} {own} TYPE {kind} USING {own}::{text}::{kind}")
    return [*said, f"DROP TYPE {aside}", *make(key, then)[0][1:]]


def _domain(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    new = then.objects[key]
    if "base" in parts:
        return None
    said: list[str] = []
    if "default" in parts:
        default = f"SET DEFAULT {new['default']}" if new.get("default") else "DROP DEFAULT"
        said.append(f"ALTER DOMAIN {key[1]} {default}")
    if "not_null" in parts:
        said.append(f"ALTER DOMAIN {key[1]} {'SET' if new.get('not_null') else 'DROP'} NOT NULL")
    return said


def _publication(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    new = then.objects[key]
    if "all_tables" in parts:
        return None
    return [f"ALTER PUBLICATION {key[1]} SET ({publishing(new)})"]


def _extension(key: Key, parts: set[str], now: Snapshot, then: Snapshot) -> list[str] | None:
    new = then.objects[key]
    if parts == {"schema"}:
        return [f"ALTER EXTENSION {key[1]} SET SCHEMA {new['schema']}"]
    return None


def retypes(key: Key, now: Snapshot, then: Snapshot) -> bool:
    """Whether a column gets another type, which what reads it would not survive."""
    if key[0] != "column":
        return False
    old, new = now.objects[key], then.objects[key]
    return column_words({**old, "not_null": None, "identity": None}) != column_words(
        {**new, "not_null": None, "identity": None}
    )


_ALTER: Mapping[str, Callable[[Key, set[str], Snapshot, Snapshot], list[str] | None]] = {
    "table": _table, "column": _column, "default": _default, "view": _view, "matview": _view, "function": _function,
    "trigger": _trigger, "rule": _trigger, "event_trigger": _trigger, "sequence": _sequence, "index": _index,
    "enum": _enum, "domain": _domain, "publication": _publication, "extension": _extension,
}

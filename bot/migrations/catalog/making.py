"""The statements that make an object of a catalog anew, with its real definition, and that drop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from bot.domain.catalog import Doc, Key, Snapshot
from bot.domain.entry import Json
from bot.domain.values import texts
from bot.errors import Refused
from bot.migrations.catalog.words import (
    comment,
    default_grants,
    fresh_grants,
    grants,
    kind_of,
    named,
    short,
    table_of,
)


def make(key: Key, catalog: Snapshot) -> tuple[list[str], list[str]]:
    """What makes the object, and what has to be said once everything else is there. Raises `Refused`."""
    doc = catalog.objects[key]
    if key[0] not in _MAKE:
        what = key[1] if key[0] == "other" else f"{key[0]} {key[1]}"
        raise Refused(f"Stagedoor cannot write the SQL that makes {what}.")
    made, later = list(_MAKE[key[0]](key, doc, catalog)), list(_later(key, doc, catalog))
    return made + _dressed(key, doc, catalog), later


def drop(key: Key, catalog: Snapshot) -> list[str]:
    """What drops the object; what hangs on it goes first. Raises `Refused`."""
    if key[0] == "default_privileges":
        return default_grants(catalog.objects[key], catalog.objects[key]["acl"], {})
    return [_drop(key, catalog)]


_OTHER = (
    "text search configuration", "text search dictionary", "operator class", "operator family", "operator", "collation",
    "conversion", "cast", "foreign-data wrapper", "server",
)
"""Kinds that are known by their names alone: they can go, and only a file can bring them back."""


def _drop(key: Key, catalog: Snapshot) -> str:
    doc = catalog.objects[key]
    match key[0]:
        case "column":
            return f"ALTER TABLE {table_of(key, catalog)} DROP COLUMN {short(key, catalog)}"
        case "default":
            return f"{_altering(key, doc, catalog)} DROP DEFAULT"
        case "constraint":
            what = "DOMAIN" if doc.get("domain") else "TABLE"
            return f"ALTER {what} {table_of(key, catalog)} DROP CONSTRAINT {short(key, catalog)}"
        case "published":
            return f"ALTER PUBLICATION {doc['publication']} DROP TABLE {doc['table']}"
        case "published_schema":
            return f"ALTER PUBLICATION {doc['publication']} DROP TABLES IN SCHEMA {doc['schema']}"
        case "other":
            kind = next(kind for kind in _OTHER if key[1].startswith(f"{kind} "))
            return f"DROP {kind.upper().replace('-', ' ')}{key[1].removeprefix(kind)}"
        case _:
            return f"DROP {named(key, doc, catalog)}"


def column_words(doc: Doc) -> str:
    """What stands after a column's name where it is made."""
    words = [str(doc["type"])]
    if doc.get("collation"):
        words.append(f"COLLATE {doc['collation']}")
    if doc.get("generated"):
        words.append(f"GENERATED ALWAYS AS ({doc['generated']}) STORED")
    if isinstance(identity := doc.get("identity"), dict):
        words.append(identity_words(identity))
    if doc.get("not_null"):
        words.append("NOT NULL")
    return " ".join(words)


def identity_words(identity: Mapping[str, Json]) -> str:
    always = "ALWAYS" if identity["always"] else "BY DEFAULT"
    return f"GENERATED {always} AS IDENTITY (SEQUENCE NAME {identity['name']} {sequence_words(identity)})"


def sequence_words(sequence: Mapping[str, Json]) -> str:
    cycle = "CYCLE" if sequence["cycle"] else "NO CYCLE"
    return (
        f"START WITH {sequence['start']} INCREMENT BY {sequence['increment']} MINVALUE {sequence['min']}"
        f" MAXVALUE {sequence['max']} CACHE {sequence['cache']} {cycle}"
    )


def column_extras(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    """What a column has that cannot be said where it is made."""
    table, name = table_of(key, catalog), short(key, catalog)
    said = [
        f"ALTER TABLE {table} ALTER COLUMN {name} {words}" for words in (
            doc.get("storage") and f"SET STORAGE {_STORAGE[str(doc['storage'])]}",
            doc.get("compression") and f"SET COMPRESSION {_COMPRESSION[str(doc['compression'])]}",
            doc.get("statistics") is not None and f"SET STATISTICS {doc['statistics']}",
            doc.get("options") and f"SET ({', '.join(texts(doc['options']))})",
        ) if words
    ]
    said += grants(key, doc, catalog, {}, doc.get("acl"))
    return said + ([comment(key, doc, catalog, doc["comment"])] if doc.get("comment") else [])


_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}


def _dressed(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    """Owner, grants and comment of an object that was just made."""
    if key[0] in ("default_privileges", "column"):
        return []
    said: list[str] = []
    if key[0] not in ("extension", "default") and isinstance(doc.get("acl"), dict):
        said += grants(key, doc, catalog, fresh_grants(key, doc, catalog), doc["acl"])
    if doc.get("comment"):
        said.append(comment(key, doc, catalog, doc["comment"]))
    return said


def _later(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    match key[0]:
        case "sequence" if doc.get("owned_by"):
            return [f"ALTER SEQUENCE {key[1]} OWNED BY {doc['owned_by']}"]
        case "table" if doc.get("replica_identity"):
            return [f"ALTER TABLE {key[1]} REPLICA IDENTITY {str(doc['replica_identity']).upper()}"
                    if doc["replica_identity"] in ("full", "nothing")
                    else f"ALTER TABLE {key[1]} REPLICA IDENTITY {doc['replica_identity']}"]
        case "index" if doc.get("clustered"):
            return [f"ALTER TABLE {table_of(key, catalog)} CLUSTER ON {key[1].rpartition('.')[2]}"]
        case _:
            return []


def _table(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    name, persistence = key[1], "UNLOGGED " if doc.get("persistence") == "u" else ""
    columns = [("column", f"{name}.{column}") for column in catalog.order.get(name, ())]
    head = f"CREATE {'FOREIGN ' if doc.get('foreign') else persistence}TABLE {name}"
    inherits = texts(doc.get("inherits"))
    if doc.get("bound"):
        body = f" PARTITION OF {inherits[0]} {doc['bound']}"
    else:
        own = [column for column in columns if column not in catalog.inherited]
        body = " (" + ", ".join(f"{short(c, catalog)} {column_words(catalog.objects[c])}" for c in own) + ")"
        body += f" INHERITS ({', '.join(inherits)})" if inherits else ""
    body += f" PARTITION BY {doc['partition_key']}" if doc.get("partition_key") else ""
    if isinstance(foreign := doc.get("foreign"), dict):
        body += f" SERVER {foreign['server']}"
    body += f" WITH ({', '.join(texts(doc['options']))})" if doc.get("options") else ""
    said = [head + body]
    if doc.get("rls"):
        said.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    if doc.get("force_rls"):
        said.append(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    for column in columns:
        said += column_extras(column, catalog.objects[column], catalog)
    return said


def _column(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    added = f"ALTER TABLE {table_of(key, catalog)} ADD COLUMN {short(key, catalog)} {column_words(doc)}"
    return [added, *column_extras(key, doc, catalog)]


def _default(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"{_altering(key, doc, catalog)} SET DEFAULT {doc['expression']}"]


def _altering(key: Key, doc: Doc, catalog: Snapshot) -> str:
    column = catalog.parents[key][0]
    table = table_of(column, catalog) if column[0] == "column" else column[1]
    kind = "VIEW" if doc.get("view") else "TABLE"
    return f"ALTER {kind} {table} ALTER COLUMN {key[1].removeprefix(table + '.')}"


def _constraint(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    what = "DOMAIN" if doc.get("domain") else "TABLE"
    return [f"ALTER {what} {table_of(key, catalog)} ADD CONSTRAINT {short(key, catalog)} {doc['definition']}"]


def _view(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    options = f" WITH ({', '.join(texts(doc['options']))})" if doc.get("options") else ""
    body = str(doc["definition"]).rstrip().rstrip(";")
    if key[0] == "matview":
        data = "NO DATA" if doc.get("unpopulated") else "DATA"
        return [f"CREATE MATERIALIZED VIEW {key[1]}{options} AS\n{body}\nWITH {data}"]
    return [f"CREATE OR REPLACE VIEW {key[1]}{options} AS\n{body}"]


def _function(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    if not isinstance(aggregate := doc.get("aggregate"), dict):
        return [str(doc["definition"]).rstrip()]
    if aggregate.get("kind"):
        raise Refused(f"Stagedoor cannot write the SQL of the ordered-set aggregate {key[1]}.")
    words = ("sfunc", "stype", "finalfunc", "combinefunc")
    parts = [f"{word} = {aggregate[word]}" for word in words if word in aggregate]
    if "initcond" in aggregate:
        parts.append("initcond = '" + str(aggregate["initcond"]).replace("'", "''") + "'")
    return [f"CREATE AGGREGATE {key[1]} ({', '.join(parts)})"]


def _policy(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    words = f"CREATE POLICY {short(key, catalog)} ON {table_of(key, catalog)}"
    words += " AS RESTRICTIVE" if doc.get("restrictive") else ""
    words += f" FOR {doc['command']} TO {', '.join(texts(doc['roles']))}"
    words += f" USING ({doc['using']})" if doc.get("using") else ""
    words += f" WITH CHECK ({doc['check']})" if doc.get("check") else ""
    return [words]


def _enabled(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    """A trigger or rule, and whether it fires."""
    said = [str(doc["definition"]).rstrip().rstrip(";")]
    if doc.get("enabled"):
        said.append(f"ALTER TABLE {table_of(key, catalog)} {firing(doc)} {kind_of(key, doc)} {short(key, catalog)}")
    return said


def firing(doc: Doc) -> str:
    return {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}.get(str(doc.get("enabled")), "ENABLE")


def _definition(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [str(doc["definition"]).rstrip().rstrip(";")]


def _enum(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"CREATE TYPE {key[1]} AS ENUM ({labels(doc)})"]


def labels(doc: Doc) -> str:
    return ", ".join("'" + label.replace("'", "''") + "'" for label in texts(doc["labels"]))


def _composite(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"CREATE TYPE {key[1]} AS ({', '.join(texts(doc['attributes']))})"]


def _range(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"CREATE TYPE {key[1]} AS RANGE (subtype = {doc['subtype']})"]


def _domain(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    default = f" DEFAULT {doc['default']}" if doc.get("default") else ""
    return [f"CREATE DOMAIN {key[1]} AS {doc['base']}{default}{' NOT NULL' if doc.get('not_null') else ''}"]


def _sequence(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    sequence = cast(dict[str, Json], doc["sequence"])
    return [f"CREATE SEQUENCE {key[1]} AS {sequence['type']} {sequence_words(sequence)}"]


def _schema(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"CREATE SCHEMA {key[1]}"]


def _extension(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"CREATE EXTENSION {key[1]} SCHEMA {doc['schema']}"]


def _publication(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    every = " FOR ALL TABLES" if doc.get("all_tables") else ""
    return [f"CREATE PUBLICATION {key[1]}{every} WITH ({publishing(doc)})"]


def publishing(doc: Doc) -> str:
    return f"publish = '{doc['publish']}', publish_via_partition_root = {str(doc['via_root']).lower()}"


def _published(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    columns = f" ({', '.join(texts(doc['columns']))})" if doc.get("columns") else ""
    where = f" WHERE ({doc['where']})" if doc.get("where") else ""
    return [f"ALTER PUBLICATION {doc['publication']} ADD TABLE {doc['table']}{columns}{where}"]


def _published_schema(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return [f"ALTER PUBLICATION {doc['publication']} ADD TABLES IN SCHEMA {doc['schema']}"]


def _event_trigger(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    tags = ", ".join(f"'{tag}'" for tag in texts(doc.get("tags")))
    when = f" WHEN TAG IN ({tags})" if tags else ""
    said = [f"CREATE EVENT TRIGGER {key[1]} ON {doc['event']}{when} EXECUTE FUNCTION {doc['function']}()"]
    return said + ([f"ALTER EVENT TRIGGER {key[1]} {firing(doc)}"] if doc.get("enabled") else [])


def _default_privileges(key: Key, doc: Doc, catalog: Snapshot) -> list[str]:
    return default_grants(doc, {}, doc["acl"])


_MAKE: Mapping[str, Callable[[Key, Doc, Snapshot], list[str]]] = {
    "schema": _schema, "extension": _extension, "table": _table, "column": _column, "default": _default,
    "constraint": _constraint, "index": _definition, "view": _view, "matview": _view, "function": _function,
    "trigger": _enabled, "rule": _enabled, "policy": _policy, "enum": _enum, "composite": _composite, "range": _range,
    "domain": _domain, "sequence": _sequence, "publication": _publication, "published": _published,
    "published_schema": _published_schema, "event_trigger": _event_trigger, "statistics": _definition,
    "default_privileges": _default_privileges,
}

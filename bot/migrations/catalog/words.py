"""How SQL speaks of the objects of a catalog: their kinds, their names, their comments, owners and grants."""

from __future__ import annotations

import re
from typing import cast

from bot.domain.catalog import Doc, Key, Snapshot
from bot.domain.entry import Json

KINDS = {
    "table": "TABLE", "view": "VIEW", "matview": "MATERIALIZED VIEW", "sequence": "SEQUENCE", "schema": "SCHEMA",
    "column": "COLUMN", "constraint": "CONSTRAINT", "index": "INDEX", "trigger": "TRIGGER", "policy": "POLICY",
    "rule": "RULE", "enum": "TYPE", "composite": "TYPE", "range": "TYPE", "domain": "DOMAIN", "extension": "EXTENSION",
    "publication": "PUBLICATION", "event_trigger": "EVENT TRIGGER", "statistics": "STATISTICS",
}
ON_THEIR_TABLE = ("constraint", "trigger", "policy", "rule")
PRIVILEGES = {
    "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE", "x": "REFERENCES", "t": "TRIGGER",
    "m": "MAINTAIN", "X": "EXECUTE", "U": "USAGE", "C": "CREATE",
}
_GRANTED = {
    "table": "TABLE", "view": "TABLE", "matview": "TABLE", "sequence": "SEQUENCE", "function": "ROUTINE",
    "schema": "SCHEMA", "enum": "TYPE", "composite": "TYPE", "range": "TYPE", "domain": "TYPE",
}
_DEFAULTED = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS"}
_LETTER = {"table": "r", "view": "r", "matview": "r", "sequence": "S", "function": "f", "schema": "n"}


def kind_of(key: Key, doc: Doc) -> str:
    """The word for an object's kind, as in `DROP … name`."""
    if key[0] == "function":
        return {"p": "PROCEDURE", "a": "AGGREGATE"}.get(str(doc.get("kind")), "FUNCTION")
    return "FOREIGN TABLE" if doc.get("foreign") else KINDS[key[0]]


def table_of(key: Key, catalog: Snapshot) -> str:
    return catalog.parents[key][0][1]


def short(key: Key, catalog: Snapshot) -> str:
    """An object's own name without its table's."""
    return key[1].removeprefix(table_of(key, catalog) + ".")


def named(key: Key, doc: Doc, catalog: Snapshot) -> str:
    """`TRIGGER touch ON public.books`: how DROP and COMMENT name an object."""
    if key[0] in ON_THEIR_TABLE:
        on = "ON DOMAIN" if doc.get("domain") else "ON"
        return f"{kind_of(key, doc)} {short(key, catalog)} {on} {table_of(key, catalog)}"
    return f"{kind_of(key, doc)} {key[1]}"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def comment(key: Key, doc: Doc, catalog: Snapshot, text: Json) -> str:
    said = "NULL" if text is None else literal(str(text))
    return f"COMMENT ON {named(key, doc, catalog)} IS {said}"


def grants(key: Key, doc: Doc, catalog: Snapshot, old: Json, new: Json) -> list[str]:
    """What makes the one access list of the other."""
    if key[0] == "column":
        on, only = f"TABLE {table_of(key, catalog)}", f" ({short(key, catalog)})"
    else:
        on, only = f"{_GRANTED[key[0]]} {key[1]}", ""
    return _changed(old, new, only, on, "")


def default_grants(doc: Doc, old: Json, new: Json) -> list[str]:
    schema = f" IN SCHEMA {doc['schema']}" if doc.get("schema") else ""
    where = f"ALTER DEFAULT PRIVILEGES FOR ROLE {doc['role']}{schema}"
    return _changed(old, new, "", _DEFAULTED[str(doc["on"])], where + " ")


def fresh_grants(key: Key, doc: Doc, catalog: Snapshot) -> Json:
    """The access list that an object has right after its owner made it."""
    owner, on = str(doc["owner"]), _LETTER.get(key[0], "T")
    found = _built_in(on, owner, catalog.server)
    everywhere = catalog.objects.get(("default_privileges", f"{owner} on {on}"))
    if everywhere:
        found = dict(cast(dict[str, str], everywhere["acl"]))
    schema = next((above[1] for above in catalog.parents.get(key, ()) if above[0] == "schema"), "")
    here = catalog.objects.get(("default_privileges", f"{owner} in {schema} on {on}"))
    for role, letters in (cast(dict[str, str], here["acl"]) if here else {}).items():
        found[role] = "".join(sorted(_tokens(found.get(role)) | _tokens(letters)))
    return dict(found)


def _built_in(on: str, owner: str, server: int) -> dict[str, str]:
    match on:
        case "r":
            return {owner: "Dadmrtwx" if server >= 170000 else "Dadrtwx"}
        case "S":
            return {owner: "Urw"}
        case "f":
            return {owner: "X", "PUBLIC": "X"}
        case "n":
            return {owner: "CU"}
        case _:
            return {owner: "U", "PUBLIC": "U"}


def _tokens(letters: Json) -> set[str]:
    return set(re.findall(r"[A-Za-z]\*?", str(letters or "")))


def _changed(old: Json, new: Json, only: str, on: str, before: str) -> list[str]:
    had, has = cast(dict[str, Json], old or {}), cast(dict[str, Json], new or {})
    said: list[str] = []
    for role in sorted({*had, *has}):
        was, now = _tokens(had.get(role)), _tokens(has.get(role))
        plain = {token[0] for token in now}
        gone = sorted({token[0] for token in was} - plain)
        lowered = sorted(token[0] for token in was if token.endswith("*") and token[0] in plain and token not in now)
        if gone:
            said.append(f"{before}REVOKE {_words(gone, only)} ON {on} FROM {role}")
        if lowered:
            said.append(f"{before}REVOKE GRANT OPTION FOR {_words(lowered, only)} ON {on} FROM {role}")
        for star, ending in (("", ""), ("*", " WITH GRANT OPTION")):
            added = sorted(
                token[0] for token in now - was if token.endswith("*") == bool(star)
                and not (not star and f"{token}*" in was)
            )
            if added:
                said.append(f"{before}GRANT {_words(added, only)} ON {on} TO {role}{ending}")
    return said


def _words(letters: list[str], only: str) -> str:
    return ", ".join(PRIVILEGES[letter] + only for letter in letters)

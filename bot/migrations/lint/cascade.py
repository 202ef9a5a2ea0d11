"""CASCADE takes along what nobody named."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.facts import dropped
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import opened, quoted, strings, table, walk

RULE = Rule(
    name="cascade", level=Level.WARN, tags=(Tag.DESTRUCTIVE,),
    why="CASCADE drops or empties whatever depends on it, and the file does not say what that is",
    effect="Views, constraints, policies, or the rows of other tables go along.",
    safe="SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend\n"
         "WHERE refobjid = 'public.books'::regclass; -- look, then name each of them in a DROP of its own",
)
KINDS = ("DropStmt", "TruncateStmt", "AlterTableStmt", "DropOwnedStmt")
WORDS = ("cascade",)


_CATALOGS = {
    "OBJECT_SCHEMA": ("pg_namespace", "nspname"), "OBJECT_EXTENSION": ("pg_extension", "extname"),
    "OBJECT_FUNCTION": ("pg_proc", "proname"), "OBJECT_PROCEDURE": ("pg_proc", "proname"),
    "OBJECT_ROUTINE": ("pg_proc", "proname"), "OBJECT_AGGREGATE": ("pg_proc", "proname"),
    "OBJECT_TRIGGER": ("pg_trigger", "tgname"), "OBJECT_TYPE": ("pg_type", "typname"),
    "OBJECT_DOMAIN": ("pg_type", "typname"),
}


def statement(s: Statement) -> Iterator[Finding]:
    """On any DROP, on TRUNCATE, on DROP COLUMN and DROP CONSTRAINT."""
    if not s.runs:
        return
    nodes = s.commands if s.kind == "AlterTableStmt" else [s.node]
    if any(node.get("behavior") == "DROP_CASCADE" for node in nodes):
        found = _where(s)
        yield RULE.at(s, f"{RULE.why}.", safe=RULE.safe.replace("'public.books'::regclass", found) if found else "")


def _where(s: Statement) -> str:
    """What asks the catalog for the first object that goes."""
    kind, objects = str(s.node.get("removeType")), s.node.get("objects", ())
    if kind in _CATALOGS and objects:
        catalog, column = _CATALOGS[kind]
        first = opened(objects[0])[1]
        parts = strings(first.get("objname") or first.get("names") or first.get("items") or objects[:1])
        return f"ANY (SELECT oid FROM {catalog} WHERE {column} = {_literal(parts[-1])})"  # noqa: S608  (for people)
    named = dropped(s.node) if s.kind == "DropStmt" else [table(one) for _, one in walk(s.node) if "relname" in one]
    return f"{_literal(quoted(named[0]))}::regclass" if named else ""


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

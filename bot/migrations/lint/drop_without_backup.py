"""What destroys data has a backup first: dropped tables and columns, emptied tables, deleted rows, changed types."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.facts import dropped
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import Node, dotted, find, quoted, strings, table, type_name

RULE = Rule(
    name="drop-without-backup", level=Level.BLOCK, tags=(Tag.DESTRUCTIVE,),
    why="No SQL brings this back, and no copy of it is made before",
    safe="CREATE TABLE public.books_before AS TABLE public.books; -- before it, with row level security on\n"
         "ALTER TABLE public.books_before ENABLE ROW LEVEL SECURITY;",
)
KINDS = ("DropStmt", "TruncateStmt", "DeleteStmt", "AlterTableStmt", "MergeStmt", "DropdbStmt", "DropOwnedStmt",
         "SelectStmt", "InsertStmt", "UpdateStmt", "AlterTypeStmt")
COMMANDS = frozenset({"AT_DropColumn", "AT_AlterColumnType"})
_KINDS = {
    "OBJECT_TABLE": "table", "OBJECT_FOREIGN_TABLE": "foreign table", "OBJECT_SCHEMA": "schema",
    "OBJECT_MATVIEW": "materialized view", "OBJECT_TYPE": "type", "OBJECT_DOMAIN": "domain",
    "OBJECT_SEQUENCE": "sequence", "OBJECT_EXTENSION": "extension",
}


def statement(s: Statement) -> Iterator[Finding]:
    """A function's body destroys nothing by being written down."""
    if not s.runs:
        return
    for name, what, loses in _losses(s):
        yield RULE.at(s, f"{what}. {RULE.why}.", effect=f"Loses {loses}.", table=name, safe=_safe(name))


def _losses(s: Statement) -> Iterator[tuple[str, str, str]]:
    if s.kind == "DropStmt" and (kind := _KINDS.get(str(s.node.get("removeType")))):
        names = _names(s) or [""]
        for name in names:
            of_table = name if kind == "table" else ""
            yield of_table, f"drops the {kind} {name}".rstrip(), f"all that {name or 'it'} holds"
    elif s.kind == "TruncateStmt":
        for name in sorted(table(relation) for relation in find(s.node, "RangeVar")):
            yield name, f"empties {name}", f"every row of {name}"
    elif s.kind == "AlterTableStmt":
        yield from _columns(s)
    elif s.kind == "AlterTypeStmt":
        yield "", "changes a type, and with it the columns that have it", "what does not fit"
    elif s.kind in ("DropdbStmt", "DropOwnedStmt"):
        yield "", "drops everything in it", "all of it"
    else:
        yield from _rows(s)


def _columns(s: Statement) -> Iterator[tuple[str, str, str]]:
    name = s.table
    for command in s.commands:
        column = f"{name}.{command.get('name')}"
        if command.get("subtype") == "AT_DropColumn":
            yield name, f"drops the column {column}", f"what {column} holds"
        elif command.get("subtype") == "AT_AlterColumnType" and not _to_text(command):
            yield name, f"changes the type of {column}, which may cut its data", f"what of {column} does not fit"


def _to_text(command: Node) -> bool:
    """Every value has its text, as long as no USING says otherwise."""
    column = command.get("def", {}).get("ColumnDef", {})
    return type_name(column) == "text" and "raw_default" not in column


def _rows(s: Statement) -> Iterator[tuple[str, str, str]]:
    """DELETE at the top or in a WITH, and MERGE … DELETE."""
    if b"delete" not in s.low:
        return
    deletes = [s.node] if s.kind == "DeleteStmt" else list(find(s.node, "DeleteStmt"))
    for delete in deletes:
        name = table(delete.get("relation"))
        yield name, f"deletes rows of {name}", f"the rows of {name} that match"
    for merge in [s.node] if s.kind == "MergeStmt" else list(find(s.node, "MergeStmt")):
        if any(when.get("commandType") == "CMD_DELETE" for when in find(merge, "MergeWhenClause")):
            name = table(merge.get("relation"))
            yield name, f"deletes rows of {name}", f"the rows of {name} that match"


def _names(s: Statement) -> list[str]:
    objects = s.node.get("objects", ())
    if s.node.get("removeType") in ("OBJECT_SCHEMA", "OBJECT_EXTENSION"):
        return [item["String"].get("sval", "") for item in objects if "String" in item]
    if s.node.get("removeType") in ("OBJECT_TYPE", "OBJECT_DOMAIN"):
        return [dotted(strings(item.get("TypeName", {}).get("names"))) for item in objects]
    return dropped(s.node)


def _safe(name: str) -> str:
    if not name or name.startswith(("auth.", "storage.", "supabase_")):
        return "-- take a backup first, or let Stagedoor take one: [backups] when = \"destructive\""
    copy = quoted(f"{name}_before")
    return (
        f"CREATE TABLE {copy} AS TABLE {quoted(name)};\nALTER TABLE {copy} ENABLE ROW LEVEL SECURITY;\n"
        "-- and then, in the same file, what is to go"
    )

"""What may be written instead of a statement, made of that very statement: SQL that can be pasted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.migrations.sql.rule import Fact, Statement
from bot.migrations.sql.tree import (
    Node,
    constraints,
    dotted,
    opened,
    quoted,
    spelled,
    strings,
    table,
)

LONGEST = 2000
"""Letters of a statement that is still written out."""
ALONE = "-- alone in its file"
LATER = "-- in a file of its own, later"
_INDEX = re.compile(r"(\bINDEX)\s+(?:IF\s+NOT\s+EXISTS\s+)?", re.I)
_REINDEX = re.compile(r"^(\s*REINDEX\s+(?:\([^)]*\)\s*)?(?:INDEX|TABLE)\b)", re.I)
_ALTERED = {
    "AT_AddConstraint", "AT_ValidateConstraint", "AT_SetNotNull", "AT_AddColumn", "AT_DetachPartition",
    "AT_AlterColumnType",
}
_TYPES = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "bool": "boolean", "float4": "real",
    "float8": "double precision", "bpchar": "char",
}


def rewrites(s: Statement) -> Iterator[Fact]:
    """`safe` facts: of which rule of squawk's, and the SQL."""
    written = REWRITTEN.get(s.kind)
    if written and s.runs and not s.inside and len(s.text) <= LONGEST:
        for rule, sql in written(s):
            yield Fact("safe", s.line, rule, sql)


def _text(s: Statement) -> str:
    return s.text.decode("utf-8", errors="replace").strip().rstrip(";").rstrip()


Written = Iterator[tuple[str, str]]


def _index(s: Statement) -> Written:
    if not s.node.get("concurrent"):
        sql = _INDEX.sub(r"\1 CONCURRENTLY ", _text(s), count=1)
        yield "require-concurrent-index-creation", f"{ALONE}\n{sql};"


def _drop(s: Statement) -> Written:
    if s.node.get("removeType") == "OBJECT_INDEX" and not s.node.get("concurrent"):
        names = [".".join(map(spelled, strings(item))) for item in s.node.get("objects", ())]
        sql = "\n".join(f"DROP INDEX CONCURRENTLY {name}; {ALONE}" for name in names)
        yield "require-concurrent-index-deletion", sql


def _reindex(s: Statement) -> Written:
    text = _text(s)
    if _REINDEX.match(text):
        sql = _REINDEX.sub(r"\1 CONCURRENTLY", text)
        yield "require-concurrent-reindex", f"{sql}; {ALONE}"


def _alter(s: Statement) -> Written:
    for command in s.commands:
        subtype = command.get("subtype")
        if subtype not in _ALTERED:
            continue
        name, given = quoted(s.table), opened(command.get("def", {}))[1]
        if subtype == "AT_AddConstraint":
            yield from _constraint(name, given, _text(s) if len(s.node["cmds"]) == 1 else "")
        elif subtype == "AT_ValidateConstraint":
            sql = f"ALTER TABLE {name} VALIDATE CONSTRAINT {spelled(str(command.get('name')))}; {LATER}"
            yield "constraint-missing-not-valid", sql
        elif subtype == "AT_SetNotNull":
            yield "adding-not-nullable-field", _not_null(name, str(command.get("name")))
        elif subtype == "AT_AddColumn":
            yield from _column(name, given)
        elif subtype == "AT_DetachPartition":
            part = quoted(table(given.get("name")))
            sql = f"ALTER TABLE {name} DETACH PARTITION {part} CONCURRENTLY; {ALONE}"
            yield "require-concurrent-partition-detach", sql
        elif subtype == "AT_AlterColumnType":
            yield "changing-column-type", _retyped(name, str(command.get("name")), given)


def _constraint(name: str, given: Node, text: str) -> Written:
    kind, own = given.get("contype"), given.get("conname")
    if kind in ("CONSTR_CHECK", "CONSTR_FOREIGN") and own and text and not given.get("skip_validation"):
        sql = f"{text} NOT VALID; -- now\nALTER TABLE {name} VALIDATE CONSTRAINT {spelled(str(own))}; {LATER}"
        yield "constraint-missing-not-valid", sql
        yield "adding-foreign-key-constraint", sql
    elif kind in ("CONSTR_UNIQUE", "CONSTR_PRIMARY") and (keys := strings(given.get("keys"))):
        what = "UNIQUE" if kind == "CONSTR_UNIQUE" else "PRIMARY KEY"
        own = spelled(str(own or f"{name.rpartition('.')[2]}_{'_'.join(keys)}_key"))
        for rule in ("disallowed-unique-constraint", "adding-serial-primary-key-field", "constraint-missing-not-valid"):
            yield rule, (
                f"CREATE UNIQUE INDEX CONCURRENTLY {own} ON {name} ({', '.join(map(spelled, keys))}); {ALONE}\n"
                f"ALTER TABLE {name} ADD CONSTRAINT {own} {what} USING INDEX {own}; -- in the next one"
            )


def _not_null(name: str, column: str) -> str:
    rule, column = spelled(f"{column}_not_null"), spelled(column)
    return (
        f"ALTER TABLE {name} ADD CONSTRAINT {rule} CHECK ({column} IS NOT NULL) NOT VALID; -- now\n"
        f"ALTER TABLE {name} VALIDATE CONSTRAINT {rule}; {LATER}\n"
        f"ALTER TABLE {name} ALTER COLUMN {column} SET NOT NULL, DROP CONSTRAINT {rule}; -- and then, without a scan"
    )


def _column(name: str, given: Node) -> Written:
    if not given.get("constraints"):
        return
    column, type_ = spelled(str(given.get("colname"))), type_of(given)
    held = {constraint["contype"] for constraint in constraints(given)}
    if "CONSTR_UNIQUE" in held:
        own = spelled(f"{name.rpartition('.')[2].strip(chr(34))}_{given.get('colname')}_key")
        yield "disallowed-unique-constraint", (
            f"ALTER TABLE {name} ADD COLUMN {column} {type_}; -- now\n"
            f"CREATE UNIQUE INDEX CONCURRENTLY {own} ON {name} ({column}); {ALONE}\n"
            f"ALTER TABLE {name} ADD CONSTRAINT {own} UNIQUE USING INDEX {own}; -- in the next one"
        )
    if "CONSTR_NOTNULL" in held and "CONSTR_DEFAULT" not in held:
        yield "adding-required-field", (
            f"ALTER TABLE {name} ADD COLUMN {column} {type_}; -- now; fill it in batches, and then:\n"
            f"{_not_null(name, str(given.get('colname')))}"
        )


def _retyped(name: str, column: str, given: Node) -> str:
    new, type_ = spelled(f"{column}_new"), type_of(given)
    return (
        f"ALTER TABLE {name} ADD COLUMN {new} {type_}; -- then write both, copy in batches, read the new one,\n"
        f"ALTER TABLE {name} DROP COLUMN {spelled(column)}; -- and drop the old one once nobody reads it"
    )


def _rename(s: Statement) -> Written:
    name = quoted(s.table)
    new = spelled(str(s.node.get("newname")))
    if s.node.get("renameType") == "OBJECT_TABLE":
        schema = name.rpartition(".")[0]
        yield "renaming-table", (
            f"ALTER TABLE {name} RENAME TO {new};\n"
            f"CREATE VIEW {name} WITH (security_invoker = on) AS TABLE {schema}.{new};"
        )


def type_of(column: Node) -> str:
    """A type as it may be written again."""
    given = column.get("typeName", {})
    parts = [part for part in strings(given.get("names")) if part != "pg_catalog"]
    plain = _TYPES.get(parts[-1], parts[-1]) if len(parts) == 1 else dotted([*map(spelled, parts)])
    sizes = [str(opened(one)[1].get("ival", {}).get("ival", "")) for one in given.get("typmods", ())]
    sized = f"({', '.join(sizes)})" if sizes and all(sizes) else ""
    return f"{plain}{sized}{'[]' if given.get('arrayBounds') else ''}"


REWRITTEN = {
    "IndexStmt": _index, "DropStmt": _drop, "ReindexStmt": _reindex, "AlterTableStmt": _alter, "RenameStmt": _rename,
}

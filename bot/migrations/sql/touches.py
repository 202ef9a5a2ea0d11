"""What a statement does to objects that are there already, for a check that knows the catalog: as facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.migrations.sql.facts import dropped
from bot.migrations.sql.rule import Fact, Statement
from bot.migrations.sql.tree import Node, dotted, find, option, strings, table

_DROPPED = {
    "OBJECT_TABLE": "table", "OBJECT_VIEW": "view", "OBJECT_MATVIEW": "matview", "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "function", "OBJECT_ROUTINE": "function", "OBJECT_TYPE": "type", "OBJECT_DOMAIN": "type",
    "OBJECT_SEQUENCE": "sequence",
}
_NAMES = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "varchar": "character varying", "bpchar": "character",
    "numeric": "numeric", "text": "text",
}


def _rename(s: Statement) -> Iterator[Fact]:
    kind = str(s.node.get("renameType", "")).removeprefix("OBJECT_").lower()
    if kind == "column":
        yield Fact("rename", s.line, f"{table(s.node.get('relation'))}.{s.node.get('subname')}", "column")
    elif kind == "attribute":
        return
    elif relation := s.table:
        yield Fact("rename", s.line, relation, kind)
    else:
        names = _named(s.node.get("object", {}))
        yield from (Fact("rename", s.line, name, kind) for name in names)


def _schema(s: Statement) -> Iterator[Fact]:
    kind = str(s.node.get("objectType", "")).removeprefix("OBJECT_").lower()
    names = [table(s.node["relation"])] if "relation" in s.node else _named(s.node.get("object", {}))
    yield from (Fact("rename", s.line, name, kind) for name in names)


def _drop(s: Statement) -> Iterator[Fact]:
    if (own := str(s.node.get("removeType"))) in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        parts = [strings(item) for item in s.node.get("objects", ())]
        own = own.removeprefix("OBJECT_").lower()
        yield from (Fact("parted", s.line, f"{dotted(names[:-1])}.{names[-1]}", own) for names in parts if names[1:])
    kind = _DROPPED.get(str(s.node.get("removeType")))
    if kind in ("table", "view", "matview", "sequence"):
        yield from (Fact("drop", s.line, name, kind) for name in dropped(s.node))
    elif kind:
        for item in s.node.get("objects", ()):
            yield from (Fact("drop", s.line, name, kind) for name in _named(item))


def _alter(s: Statement) -> Iterator[Fact]:
    name = s.table
    for command in s.commands:
        subtype = command.get("subtype")
        if subtype == "AT_DropColumn":
            yield Fact("drop", s.line, f"{name}.{command.get('name')}", "column")
        elif subtype == "AT_AddColumn":
            added = command.get("def", {}).get("ColumnDef", {}).get("colname")
            yield Fact("made", s.line, f"{name}.{added}", "column")
        elif subtype == "AT_DropConstraint":
            yield Fact("parted", s.line, f"{name}.{command.get('name')}", "constraint")
        elif subtype == "AT_AddConstraint":
            if own := command.get("def", {}).get("Constraint", {}).get("conname"):
                yield Fact("constrained", s.line, f"{name}.{own}")
        elif subtype == "AT_AlterColumnType":
            retyped = command.get("def", {}).get("ColumnDef", {})
            yield Fact("retype", s.line, f"{name}.{command.get('name')}", _type(retyped))


def _function(s: Statement) -> Iterator[Fact]:
    name = dotted(strings(s.node.get("funcname")))
    yield Fact("rewritten", s.line, name)
    yield Fact("made", s.line, name, "function")


def _view(s: Statement) -> Iterator[Fact]:
    yield Fact("rewritten", s.line, table(s.node.get("view")))
    yield Fact("made", s.line, table(s.node.get("view")), "view")
    if option(s.node.get("options"), "security_invoker") is not None:
        yield Fact("since", s.line, "security_invoker", "15")


def _make(s: Statement) -> Iterator[Fact]:
    """What comes with a name of its own; `table.name` for what is on a table."""
    key, kind = _MADE[s.kind]
    if kind == "type":
        yield Fact("made", s.line, dotted(strings(s.node.get(key))), kind)
    elif kind in ("table", "sequence"):
        yield Fact("made", s.line, table(s.node.get(key)), kind)
    elif name := s.node.get(key):
        above = table(s.node.get("relation") or s.node.get("table"))
        yield Fact("made", s.line, f"{above}.{name}" if above else str(name), kind)


def _type(column: Node) -> str:
    """A type as `format_type` writes it; empty for one that is not known to need no look at the data."""
    written = column.get("typeName", {})
    names = strings(written.get("names"))
    known = _NAMES.get(names[-1]) if names and names[0] in ("pg_catalog", names[-1]) else None
    if known is None or "raw_default" in column or "collClause" in column or "arrayBounds" in written:
        return ""
    sizes = [item.get("A_Const", {}).get("ival", {}).get("ival", 0) for item in written.get("typmods", ())]
    return f"{known}({','.join(map(str, sizes))})" if sizes else known


def _named(item: Node) -> list[str]:
    for kind, key in (("ObjectWithArgs", "objname"), ("TypeName", "names"), ("List", "items")):
        if kind in item:
            parts = strings(item[kind].get(key))
            return [dotted(parts)] if parts else []
    return []


NEWER = ("merge", "not distinct", "virtual", "set expression", "json_table", "maintain", "overlaps", "set null")
"""Without one of these in the file nothing of `_SYNTAX` stands there, and no tree has to be searched."""


def since(s: Statement) -> Iterator[Fact]:
    """`since` with the first major: syntax that an older server does not know, as far as it is met in migrations."""
    for what, version, stands in _SYNTAX:
        if stands(s):
            yield Fact("since", s.line, what, version)


def _has(node: Node, key: str) -> bool:
    return any(key in inner for inner in _inner(node))


def _says(node: Node, key: str, value: str) -> bool:
    return any(inner.get(key) == value for inner in _inner(node))


def _inner(node: Node) -> Iterator[Node]:
    yield node
    yield from find(node, "Constraint", "AccessPriv", "IndexStmt")


_MADE = {
    "CreateStmt": ("relation", "table"), "IndexStmt": ("idxname", "index"), "CreateTrigStmt": ("trigname", "trigger"),
    "CreatePolicyStmt": ("policy_name", "policy"), "CreateEnumStmt": ("typeName", "type"),
    "CreateDomainStmt": ("domainname", "type"), "CreateSeqStmt": ("sequence", "sequence"),
    "CreateSchemaStmt": ("schemaname", "schema"),
}

_SYNTAX: tuple[tuple[str, str, Callable[[Statement], bool]], ...] = (
    ("MERGE", "15", lambda s: s.kind == "MergeStmt" or any(True for _ in find(s.node, "MergeStmt"))),
    ("MERGE … RETURNING", "17", lambda s: s.kind == "MergeStmt" and "returningClause" in s.node),
    ("MERGE … NOT MATCHED BY SOURCE", "17", lambda s: s.kind == "MergeStmt" and b"matched by source" in s.low),
    ("NULLS NOT DISTINCT", "15", lambda s: _has(s.node, "nulls_not_distinct")),
    ("JSON_TABLE", "17", lambda s: any(True for _ in find(s.node, "JsonTable"))),
    ("SET EXPRESSION", "17", lambda s: any(one.get("subtype") == "AT_SetExpression" for one in s.commands)),
    ("GRANT MAINTAIN", "17", lambda s: s.kind == "GrantStmt" and _says(s.node, "priv_name", "maintain")),
    ("a virtual generated column", "18", lambda s: _says(s.node, "generated_kind", "v")),
    ("WITHOUT OVERLAPS", "18", lambda s: _has(s.node, "without_overlaps")),
    ("ON DELETE SET NULL (columns)", "15", lambda s: _has(s.node, "fk_del_set_cols")),
)

TOUCHES: dict[str, Callable[[Statement], Iterator[Fact]]] = {
    "RenameStmt": _rename, "AlterObjectSchemaStmt": _schema, "DropStmt": _drop, "AlterTableStmt": _alter,
    "CreateFunctionStmt": _function, "ViewStmt": _view, **dict.fromkeys(_MADE, _make),
}
"""`rename`, `drop`, `made` with the object's kind, `retype` with the new type."""

"""What a statement does that other statements and other files have to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bot.migrations.sql.rule import Fact, Statement
from bot.migrations.sql.tree import Node, columns, constraints, dotted, opened, option, strings, table, tables, word


def subject(statement: Statement) -> str:
    """The table that a statement is about, as far as it is about one."""
    node = statement.node
    for key in ("relation", "view"):
        if key in node and isinstance(found := node[key], dict) and "relname" in found:
            return table(found)
    if isinstance(found := node.get("table"), dict):
        return table(found)
    if statement.kind == "DropStmt" and node.get("removeType") == "OBJECT_TABLE":
        return next(iter(dropped(node)), "")
    return ""


def dropped(node: Node) -> list[str]:
    """The names that a DROP names; of policies and triggers, their table."""
    owned = node.get("removeType") in ("OBJECT_POLICY", "OBJECT_TRIGGER", "OBJECT_RULE")
    names = [strings(item) for item in node.get("objects", ())]
    return [dotted(parts[:-1] if owned else parts) for parts in names if parts]


def _create(s: Statement) -> Iterator[Fact]:
    name = s.table
    unsure = s.node.get("if_not_exists") or s.maybe
    yield Fact("table", s.line, name, "maybe" if unsure else "new")
    if s.node["relation"].get("relpersistence") == "t" or s.kind != "CreateStmt":
        yield Fact("aside", s.line, name)
    for column in columns(s.node):
        line = s.line_of(column.get("location", -1))
        for constraint in constraints(column):
            if constraint["contype"] in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
                yield Fact("index", line, name, str(column["colname"]))
            if constraint["contype"] == "CONSTR_FOREIGN":
                yield Fact("foreign", line, name, str(column["colname"]))
    for item in s.node.get("tableElts", ()):
        if "Constraint" in item:
            yield from _constraint(s, name, item["Constraint"])


def _create_as(s: Statement) -> Iterator[Fact]:
    name = table(s.node.get("into", {}).get("rel"))
    yield Fact("table", s.line, name, "maybe" if s.node.get("if_not_exists") or s.maybe else "new")
    if s.node.get("objtype") == "OBJECT_MATVIEW":
        yield Fact("aside", s.line, name)
    query = s.node.get("query", {}).get("SelectStmt", {})
    if not query.get("whereClause") and not query.get("limitCount") and not s.maybe:
        yield from (Fact("copy", s.line, source, name) for source in tables(query))


def _select(s: Statement) -> Iterator[Fact]:
    if into := s.node.get("intoClause"):
        yield Fact("table", s.line, table(into.get("rel")), "maybe" if s.maybe else "new")


def _constraint(s: Statement, name: str, constraint: Node) -> Iterator[Fact]:
    line = s.line_of(constraint.get("location", -1))
    if constraint["contype"] in ("CONSTR_PRIMARY", "CONSTR_UNIQUE") and (keys := strings(constraint.get("keys"))):
        yield Fact("index", line, name, keys[0])
    if constraint["contype"] == "CONSTR_FOREIGN" and (keys := strings(constraint.get("fk_attrs"))):
        yield Fact("foreign", line, name, keys[0])


def _alter(s: Statement) -> Iterator[Fact]:
    name = s.table
    for command in s.commands:
        subtype = command.get("subtype")
        if subtype in ("AT_EnableRowSecurity", "AT_ForceRowSecurity") and not s.maybe:
            yield Fact("rls", s.line, name)
        elif subtype == "AT_DisableRowSecurity":
            yield Fact("no-rls", s.line, name)
        elif subtype == "AT_SetRelOptions" and s.node.get("objtype") == "OBJECT_VIEW" and not s.maybe:
            given = option(command.get("def", {}).get("List", {}).get("items", ()), "security_invoker")
            if given is not None and word(given) in ("true", "on", "1", "yes"):
                yield Fact("mends", s.line, name)
        elif subtype == "AT_ReplicaIdentity":
            yield Fact("identity", s.line, name)
        elif subtype == "AT_AddConstraint":
            yield from _constraint(s, name, command.get("def", {}).get("Constraint", {"contype": ""}))
        elif subtype == "AT_AddColumn":
            yield from _added(s, name, command.get("def", {}).get("ColumnDef", {}))


def _added(s: Statement, name: str, column: Node) -> Iterator[Fact]:
    kinds = {constraint["contype"] for constraint in constraints(column)}
    if "CONSTR_FOREIGN" in kinds and not kinds & {"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"}:
        yield Fact("empty-foreign", s.line, name)
    for constraint in constraints(column):
        if constraint["contype"] == "CONSTR_FOREIGN":
            yield Fact("foreign", s.line_of(column.get("location", -1)), name, str(column["colname"]))
        elif constraint["contype"] in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
            yield Fact("index", s.line, name, str(column["colname"]))


def _index(s: Statement) -> Iterator[Fact]:
    first = opened(s.node.get("indexParams", [{}])[0])[1]
    if "whereClause" not in s.node:
        yield Fact("index", s.line, s.table, str(first.get("name", "")))


def _policy(s: Statement) -> Iterator[Fact]:
    yield Fact("policy", s.line, table(s.node.get("table")), str(s.node.get("policy_name", "")))


def _drop(s: Statement) -> Iterator[Fact]:
    if s.node.get("removeType") == "OBJECT_POLICY":
        yield from (Fact("no-policy", s.line, name) for name in dropped(s.node))
    if s.node.get("removeType") == "OBJECT_TABLE":
        yield from (Fact("gone", s.line, name) for name in dropped(s.node))


def _rename(s: Statement) -> Iterator[Fact]:
    if s.node.get("renameType") == "OBJECT_TABLE":
        old = s.table
        for name in (old, f"{old.partition('.')[0]}.{s.node.get('newname', '')}"):
            yield Fact("gone", s.line, name)
            yield Fact("renamed", s.line, name)


def _set(s: Statement) -> Iterator[Fact]:
    if s.node.get("name") == "search_path":
        yield Fact("search_path", s.line, "")


def _publication(s: Statement) -> Iterator[Fact]:
    if s.node.get("for_all_tables"):
        yield Fact("published", s.line, "every table", str(s.node.get("pubname", "")))
    for item in s.node.get("pubobjects", ()):
        spec = item.get("PublicationObjSpec", {})
        if spec.get("pubobjtype") == "PUBLICATIONOBJ_TABLES_IN_SCHEMA" and s.node.get("action") != "AP_DropObjects":
            every = f"every table of {spec.get('name', 'the schema')}"
            yield Fact("published", s.line, every, str(s.node.get("pubname", "")))
        relation = spec.get("pubtable", {}).get("relation")
        if relation and s.node.get("action") != "AP_DropObjects":
            yield Fact("published", s.line, table(relation), str(s.node.get("pubname", "")))


def _options(s: Statement) -> Iterator[Fact]:
    """A function that only gets its search_path fixed."""
    settings = [item.get("DefElem", {}) for item in s.node.get("actions", ())]
    fixed = [one.get("arg", {}).get("VariableSetStmt", {}) for one in settings]
    names = {one.get("name") if one.get("kind") in ("VAR_SET_VALUE", "VAR_SET_CURRENT") else "" for one in fixed}
    if settings and names == {"search_path"}:
        yield Fact("pinned", s.line, "", str(s.last))
    if "search_path" in names and not s.maybe:
        func = s.node.get("func", {})
        yield Fact("mends", s.line, _signature(func.get("objname"), func.get("objargs", ())),
                   "any" if func.get("args_unspecified") else "")


def _function(s: Statement) -> Iterator[Fact]:
    """Which function a statement makes: of two with one name each has its own rights."""
    taken = [one["FunctionParameter"] for one in s.node.get("parameters", ())]
    types = [one.get("argType", {}) for one in taken if one.get("mode") not in ("FUNC_PARAM_OUT", "FUNC_PARAM_TABLE")]
    yield Fact("signed", s.line, _signature(s.node.get("funcname"), [{"TypeName": one} for one in types]))


def _signature(name: Any, types: Sequence[Node]) -> str:
    said = [f"{strings(one['TypeName'].get('names'))[-1]}{'[]' * ('arrayBounds' in one['TypeName'])}" for one in types]
    return f"{dotted(strings(name))}({','.join(said)})"


def _enum(s: Statement) -> Iterator[Fact]:
    yield Fact("enum", s.line, dotted(strings(s.node.get("typeName"))), str(s.node.get("newVal", "")))


def _view(s: Statement) -> Iterator[Fact]:
    invoker = option(s.node.get("options"), "security_invoker")
    yield Fact("view", s.line, table(s.node.get("view")), "invoker" if invoker else "")


FACTS: dict[str, Callable[[Statement], Iterator[Fact]]] = {
    "CreateStmt": _create, "CreateForeignTableStmt": _create, "CreateTableAsStmt": _create_as, "AlterTableStmt": _alter,
    "IndexStmt": _index, "CreatePolicyStmt": _policy, "DropStmt": _drop, "RenameStmt": _rename,
    "VariableSetStmt": _set, "AlterPublicationStmt": _publication, "CreatePublicationStmt": _publication,
    "AlterEnumStmt": _enum, "AlterFunctionStmt": _options,
    "CreateFunctionStmt": _function, "SelectStmt": _select, "ViewStmt": _view,
}
"""The facts of one statement that runs with the migration: one of a function's body does not."""

"""Finding one's way in a parse tree: plain dicts, each node a dict of its kind to its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]

OPEN_ROLES = frozenset({"anon", "authenticated", "public"})
"""Whoever comes through the API is one of these; service_role and superusers pass row level security anyway."""

EXPOSED = frozenset({"public", "graphql_public"})
"""The schemas that Supabase's API serves unless told otherwise."""


_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_WORDS = frozenset((
    "all", "and", "any", "as", "asc", "between", "both", "case", "cast", "check", "column", "constraint", "create",
    "cross", "current_user", "default", "desc", "do", "else", "end", "except", "false", "for", "foreign", "from",
    "grant", "group", "having", "in", "inner", "into", "join", "left", "limit", "natural", "not", "null", "offset",
    "on", "only", "or", "order", "outer", "primary", "references", "right", "select", "session_user", "some", "table",
    "then", "to", "trailing", "true", "union", "unique", "user", "using", "when", "where", "window", "with",
))
"""Words that are a name only in quotes."""


def opened(wrapped: Node) -> tuple[str, Node]:
    """The kind and the fields of `{"SelectStmt": {…}}`; an empty kind for what is no node."""
    for kind, fields in wrapped.items():
        if isinstance(fields, dict):
            return kind, fields
    return "", {}


def walk(tree: Any) -> Iterator[tuple[str, Node]]:
    """Every dict in a tree with the key it stands under, in no particular order; without recursion."""
    waiting: list[tuple[str, Any]] = [("", tree)]
    while waiting:
        key, value = waiting.pop()
        if type(value) is dict:
            yield key, value
            for inner in value.items():
                if type(inner[1]) in _BRANCHES:
                    waiting.append(inner)
        elif type(value) is list:
            for item in value:
                waiting.append((key, item))


_BRANCHES = (dict, list)


def find(tree: Any, *kinds: str) -> Iterator[Node]:
    """Every node of these kinds."""
    return (node for kind, node in walk(tree) if kind in kinds)


def table(relation: Node | None) -> str:
    """`schema.name` of a relation; without a schema it is taken for public's."""
    if not relation or "relname" not in relation:
        return ""
    return f"{relation.get('schemaname', 'public')}.{relation['relname']}"


def strings(items: Any) -> list[str]:
    """The texts of a list of String nodes, or of one List node."""
    if isinstance(items, dict):
        items = items.get("List", items).get("items", [items])
    return [str(item["String"].get("sval", "")) for item in items or () if "String" in item]


def spelled(name: str) -> str:
    """A name as SQL takes it, in quotes where it needs them."""
    return name if _PLAIN.fullmatch(name) and name not in _WORDS else '"' + name.replace('"', '""') + '"'


def quoted(name: str) -> str:
    """`schema.name` as SQL takes it."""
    return ".".join(map(spelled, name.split(".", 1)))


def dotted(parts: Sequence[str]) -> str:
    """`schema.name` of its parts."""
    return ".".join(parts if len(parts) > 1 else ("public", *parts))


def tables(tree: Any) -> set[str]:
    """Every relation that is named in a tree."""
    return {table(node) for _, node in walk(tree) if "relname" in node and "relpersistence" in node}


def function(call: Node) -> str:
    """The name of a called function, with its schema where it is given."""
    return ".".join(strings(call.get("funcname")))


def option(options: Any, name: str) -> Any:
    """The argument of a DefElem by name; True where it stands without one, None where it does not stand."""
    for item in options or ():
        element = item.get("DefElem", {})
        if str(element.get("defname", "")).lower() == name:
            return element.get("arg", True)
    return None


def word(argument: Any) -> str:
    """What a DefElem's argument or a constant says, in lower case."""
    if argument is True:
        return "true"
    for _, node in walk(argument):
        for key in ("sval", "boolval", "ival", "fval"):
            if key in node and not isinstance(node[key], dict):
                return str(node[key]).lower()
    return ""


def is_true(expression: Any) -> bool:
    """Whether an expression is plainly true: `true`, `(true)`, `1 = 1`."""
    kind, node = opened(expression or {})
    if kind == "A_Const":
        return bool(node.get("boolval", {}).get("boolval"))
    if kind == "TypeCast":
        return word(node.get("arg")) in ("true", "t", "yes", "on", "1")
    if kind == "A_Expr" and strings(node.get("name")) == ["="]:
        left, right = opened(node.get("lexpr", {})), opened(node.get("rexpr", {}))
        return left[0] == right[0] == "A_Const" and _value(left[1]) == _value(right[1])
    if kind == "BoolExpr":
        parts = [is_true(part) for part in node.get("args", [])]
        return any(parts) if node.get("boolop") == "OR_EXPR" else all(parts) and node.get("boolop") == "AND_EXPR"
    return False


def is_signed_in(expression: Any) -> bool:
    """Whether an expression only asks if somebody is signed in: `auth.uid() IS NOT NULL`, `auth.role() = '…'`."""
    kind, node = opened(expression or {})
    if kind == "NullTest":
        return node.get("nulltesttype") == "IS_NOT_NULL" and _asked(node.get("arg")) == "auth.uid"
    if kind == "A_Expr" and strings(node.get("name")) == ["="]:
        left, right = node.get("lexpr", {}), node.get("rexpr", {})
        return _asked(left) in ("auth.role", "auth.jwt role") and word(right) == "authenticated"
    if kind == "BoolExpr":
        parts = [is_signed_in(part) or is_true(part) for part in node.get("args", [])]
        return any(parts) if node.get("boolop") == "OR_EXPR" else all(parts) and node.get("boolop") == "AND_EXPR"
    return False


def _asked(expression: Any) -> str:
    """The one function that an expression is, also as `(SELECT auth.uid())`; of a token's claim its name as well."""
    kind, node = opened(expression or {})
    if kind == "SubLink":
        select = node.get("subselect", {}).get("SelectStmt", {})
        targets = select.get("targetList", [])
        plain = len(targets) == 1 and not any(key in select for key in ("fromClause", "whereClause"))
        return _asked(targets[0].get("ResTarget", {}).get("val")) if plain else ""
    if kind == "TypeCast":
        return _asked(node.get("arg"))
    if kind == "A_Expr" and strings(node.get("name")) == ["->>"]:
        return f"{_asked(node.get('lexpr'))} {word(node.get('rexpr'))}"
    return function(node) if kind == "FuncCall" and not node.get("args") else ""


def roles(specs: Any) -> set[str]:
    """Names of roles, PUBLIC as `public`; no role at all means PUBLIC to Postgres."""
    found = {_role(item.get("RoleSpec", {})) for item in specs or ()}
    return found or {"public"}


def commands(node: Node) -> list[Node]:
    """The sub-commands of an ALTER TABLE."""
    return [command for item in node.get("cmds", ()) if (command := item.get("AlterTableCmd"))]


def columns(node: Node) -> Iterator[Node]:
    """The columns of a CREATE TABLE."""
    return (item["ColumnDef"] for item in node.get("tableElts", ()) if "ColumnDef" in item)


def constraints(owner: Node) -> Iterator[Node]:
    """The constraints of a column."""
    return (item["Constraint"] for item in owner.get("constraints", ()) if "Constraint" in item)


def type_name(column: Node) -> str:
    """The type of a column by its last name: `int4`, `json`, `mood`."""
    return (strings(column.get("typeName", {}).get("names")) or [""])[-1]


def _role(spec: Node) -> str:
    kind = str(spec.get("roletype", ""))
    return "public" if kind == "ROLESPEC_PUBLIC" else str(spec.get("rolename", kind))


def _value(constant: Node) -> str:
    return str({key: value for key, value in constant.items() if key != "location"})

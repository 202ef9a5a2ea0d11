"""What stands in the body of a DO block or a function: its statements, and what of it nobody can read beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.migrations.sql.foreign_types import UNKNOWN, at_home
from bot.migrations.sql.parse import parse, parse_body
from bot.migrations.sql.rule import BRANCH, BROKEN, DYNAMIC, Statement, Unparsable
from bot.migrations.sql.tree import Node, dotted, find, function, opened, option, strings, tables, walk

_BRANCHING = {"PLpgSQL_stmt_if", "PLpgSQL_stmt_while", "PLpgSQL_stmt_fors", "PLpgSQL_stmt_case", "PLpgSQL_if_elsif",
              "PLpgSQL_stmt_loop", "PLpgSQL_stmt_fori", "PLpgSQL_case_when", "PLpgSQL_stmt_foreach_a"}
_CONTROL = {"PLpgSQL_stmt_commit": "COMMIT", "PLpgSQL_stmt_rollback": "ROLLBACK"}
_CATALOG = ("pg_catalog.", "information_schema.", "public.pg_")


_WRAPS = {
    "ExplainStmt": ("EXPLAIN", "query"), "CreateTableAsStmt": ("CREATE … AS", "query"), "CopyStmt": ("COPY", "query"),
    "DeclareCursorStmt": ("DECLARE", "query"), "CreateSchemaStmt": ("CREATE SCHEMA", "schemaElts"),
}
_SCHEDULES = {"cron.schedule": (1, 2), "cron.schedule_in_database": (2, 2)}
"""Where the command of a cron job stands among the arguments, without and with the job's name."""
HOLDERS = frozenset({"DoStmt", "CreateFunctionStmt", "SelectStmt", *_WRAPS})
"""Kinds of statements that hold others."""

DEEPEST = 8
"""How far statements that hold others are followed; what stands deeper counts as what nobody can read."""


def inside(statement: Statement, depth: int = 1) -> Iterator[Statement]:
    """The statements that another one holds, each at its own line, and what these hold in turn."""
    for one in _held(statement):
        yield one
        if one.kind not in HOLDERS:
            continue
        if depth < DEEPEST:
            yield from inside(one, depth + 1)
        else:
            yield _nested(one, DYNAMIC, {"what": "a statement in too many others"}, one.inside, one.line, runs=True)


def _held(statement: Statement) -> Iterator[Statement]:
    """The statements of a body, and those that another statement runs or takes along."""
    if wraps := _WRAPS.get(statement.kind):
        where, key = wraps
        held = statement.node.get(key)
        for wrapped in held if isinstance(held, list) else [held or {}]:
            kind, node = opened(wrapped)
            if kind:
                yield _nested(statement, kind, node, where, statement.line, runs=True)
    elif statement.kind == "SelectStmt" and statement.says(b"cron"):
        yield from _scheduled(statement, statement.node)
    elif statement.kind == "DoStmt":
        yield from _body(statement, "a DO block", runs=True, **_do(statement.node))
    elif statement.kind == "CreateFunctionStmt":
        yield from _of_function(statement)


def _of_function(statement: Statement) -> Iterator[Statement]:
    name = dotted(strings(statement.node.get("funcname"))).removeprefix("public.")
    if "sql_body" in statement.node:
        for _, node in walk(statement.node["sql_body"]):
            for kind, fields in node.items():
                if kind.endswith("Stmt") and isinstance(fields, dict):
                    yield _nested(statement, kind, fields, f"the function {name}", statement.line, runs=False)
        return
    yield from _body(statement, f"the function {name}", runs=False, **_function(statement.node))


def _scheduled(owner: Statement, node: Node) -> Iterator[Statement]:
    """What cron will run, later and unattended: read like the body of a function."""
    for call in find(node, "FuncCall", "funccall"):
        places, args = _SCHEDULES.get(function(call)), call.get("args", [])
        if places is None or len(args) < 2:
            continue
        named = [one["NamedArgExpr"] for one in args if "NamedArgExpr" in one]
        last = places[min(len(args), 3) - 2]
        command = next((one["arg"] for one in named if one.get("name") == "command"), args[min(last, len(args) - 1)])
        body = command.get("A_Const", {}).get("sval", {}).get("sval", "")
        if not body:
            yield _nested(owner, DYNAMIC, {"what": "A cron job"}, owner.inside, owner.line, runs=False)
            continue
        try:
            yield from _sql(owner, "a cron job", body, _first_line(owner, body), runs=False)
        except Unparsable as wrong:
            yield _nested(owner, BROKEN, {"why": str(wrong)}, "a cron job", owner.line, runs=False)


def _do(node: Node) -> dict[str, str]:
    language = option(node.get("args"), "language")
    body = option(node.get("args"), "as")
    return {"language": _text(language) or "plpgsql", "body": _text(body)}


def _function(node: Node) -> dict[str, str]:
    language, body = option(node.get("options"), "language"), option(node.get("options"), "as")
    return {"language": _text(language) or "sql", "body": (strings(body) or [""])[0] if isinstance(body, dict) else ""}


def _text(argument: Any) -> str:
    return str(argument["String"].get("sval", "")) if isinstance(argument, dict) and "String" in argument else ""


def _body(owner: Statement, where: str, *, runs: bool, language: str, body: str) -> Iterator[Statement]:
    first = _first_line(owner, body)
    if language.lower() == "sql":
        try:
            yield from _sql(owner, where, body, first, runs=runs)
        except Unparsable as wrong:
            yield _nested(owner, BROKEN, {"why": str(wrong)}, where, first, runs=runs)
    elif language.lower() == "plpgsql":
        yield from _plpgsql(owner, where, first, runs=runs)
    else:
        yield _nested(owner, DYNAMIC, {"what": f"{language} code"}, where, first, runs=runs)


def _tree(owner: Statement) -> Any:
    """The body's own tree; types of other schemas stand there as public's. Raises `Unparsable`."""
    try:
        return parse_body(owner.text)
    except Unparsable as wrong:
        if not any(words in str(wrong) for words in UNKNOWN):
            raise
        return parse_body(at_home(owner.text.decode("utf-8", "replace")).encode())


def _plpgsql(owner: Statement, where: str, first: int, *, runs: bool) -> Iterator[Statement]:
    try:
        tree = _tree(owner)
    except Unparsable as wrong:
        yield _nested(owner, BROKEN, {"why": str(wrong)}, where, first, runs=runs)
        return
    waiting: list[tuple[str, Any, int, bool]] = [("", tree, 1, False)]
    found: list[Statement] = []
    while waiting:
        key, value, line, maybe = waiting.pop()
        if isinstance(value, list):
            waiting.extend((key, item, line, maybe) for item in value)
            continue
        if not isinstance(value, dict):
            continue
        line = value.get("lineno", line) if key.startswith("PLpgSQL_stmt") or "if_elsif" in key else line
        maybe = maybe or key in _BRANCHING
        at = first + line - 1
        if key in _CONTROL:
            found.append(_nested(owner, "TransactionStmt", {"kind": _CONTROL[key]}, where, at, runs=runs, maybe=maybe))
        elif key in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
            found.extend(_executed(owner, value, where, at, runs=runs, maybe=maybe))
        elif key == "PLpgSQL_expr":
            found.extend(_expression(owner, value, where, at, runs=runs, maybe=maybe))
        waiting.extend((name, item, line, maybe) for name, item in value.items())
    yield from sorted(found, key=lambda one: one.line)


def _executed(owner: Statement, value: Node, where: str, line: int, *, runs: bool, maybe: bool) -> Iterator[Statement]:
    """What EXECUTE runs: a text that stands there whole is read; anything else is put together only then."""
    try:
        [one] = parse(f"SELECT {value['query']['PLpgSQL_expr']['query']}".encode())
        [target] = one["stmt"]["SelectStmt"]["targetList"]
        yield from _sql(
            owner, where, target["ResTarget"]["val"]["A_Const"]["sval"]["sval"], line, runs=runs, maybe=maybe,
        )
    except (Unparsable, KeyError, ValueError):
        yield _nested(owner, DYNAMIC, {"what": "EXECUTE"}, where, line, runs=runs, maybe=maybe)


def _expression(
    owner: Statement, expression: Node, where: str, line: int, *, runs: bool, maybe: bool
) -> Iterator[Statement]:
    """Statements stand as they are; conditions and values are read as what they would select."""
    query, mode = str(expression.get("query", "")), expression.get("parseMode", 0)
    if mode == 2:
        query = f"SELECT {query}"
    elif mode >= 3:
        query = f"SELECT {query.partition(':=')[2] or query.partition('=')[2]}"
    try:
        parsed = parse(query.encode())
    except Unparsable:
        what = {"what": f"“{' '.join(query.split())[:60]}”"}
        yield _nested(owner, DYNAMIC, what, where, line, runs=runs, maybe=maybe)
        return
    for item in parsed:
        kind, node = opened(item.get("stmt", {}))
        yield _nested(owner, kind, node, where, line, runs=runs, maybe=maybe, text=query.encode())
        if mode == 2 and any(not name.startswith(_CATALOG) for name in tables(node)):
            yield _nested(owner, BRANCH, node, where, line, runs=runs, maybe=maybe)


def _sql(
    owner: Statement, where: str, body: str, first: int, *, runs: bool, maybe: bool = False,
) -> Iterator[Statement]:
    """Raises `Unparsable` before the first of them."""
    raw = body.encode()
    for item in parse(raw):
        kind, node = opened(item.get("stmt", {}))
        start = item.get("stmt_location", 0)
        at = first + raw.count(b"\n", 0, start + len(raw[start:]) - len(raw[start:].lstrip()))
        text = raw[start:start + item.get("stmt_len", len(raw))]
        yield _nested(owner, kind, node, where, at, runs=runs, maybe=maybe, text=text)


def _nested(
    owner: Statement, kind: str, node: Node, where: str, line: int, *, runs: bool, maybe: bool = False,
    text: bytes = b"",
) -> Statement:
    return Statement(
        kind, node, owner.source, text or owner.text, line, line, inside=where, runs=runs and owner.runs,
        maybe=maybe or owner.maybe,
    )


def _first_line(owner: Statement, body: str) -> int:
    """The line on which the body begins; the body of an escaped string is taken to begin with its statement."""
    place = owner.text.find(body.encode()) if body else -1
    return owner.line + owner.text.count(b"\n", 0, place) if place > 0 else owner.line

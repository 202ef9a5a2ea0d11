"""Settings last for the migration alone: SET LOCAL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import Node, find, function, opened, word

RULE = Rule(
    name="session-settings", level=Level.WARN,
    why="SET without LOCAL outlives the transaction and meets whoever has the connection next",
    safe="SET LOCAL search_path = public;",
)
KINDS = ("VariableSetStmt", "SelectStmt")
_SET = re.compile(r"^\s*set\s+(?:session\s+)?", re.I)
_CONFIG = "SELECT set_config('search_path', '', true); -- true: for this transaction"
_POWERS = {"role", "session_authorization", "session_replication_role"}


def statement(s: Statement) -> Iterator[Finding]:
    """The role and the replication role switch checks off, so they are blocks, LOCAL or not."""
    if s.kind == "SelectStmt":
        if s.says(b"set_config"):
            for name, is_local in configured(s.node):
                yield from _judged(s, name, is_local)
        return
    name, resets = str(s.node.get("name", "")), str(s.node.get("kind", "")).startswith("VAR_RESET")
    if name.startswith("TRANSACTION") or resets or s.node.get("kind") == "VAR_SET_DEFAULT":
        return
    yield from _judged(s, name, bool(s.node.get("is_local")))


def configured(tree: Node) -> Iterator[tuple[str, bool]]:
    """What `set_config(name, value, is_local)` sets; an empty name where that is only known when it runs."""
    for call in find(tree, "FuncCall", "funccall"):
        if function(call).removeprefix("pg_catalog.") == "set_config":
            given = [*call.get("args", ()), {}, {}, {}]
            kind, constant = opened(given[0])
            yield (word(constant) if kind == "A_Const" else ""), word(given[2]) in ("true", "t")


def _judged(s: Statement, name: str, is_local: bool) -> Iterator[Finding]:
    if name in _POWERS:
        yield RULE.at(
            s, f"SET {name} switches the rights or the triggers off that everything else is held by.",
            level=Level.BLOCK, tags=(Tag.SECURITY, Tag.ACCESS) if s.runs else (Tag.SECURITY,),
            effect="Triggers, foreign keys or policies do not see what runs then.",
            safe="-- write the statement so that it needs neither",
        )
    elif name and not is_local and not s.inside:
        own = _SET.sub("SET LOCAL ", s.text.decode("utf-8", errors="replace").strip().rstrip(";"))
        yield RULE.at(s, f"SET {name}. {RULE.why}.", safe=f"{own};" if s.kind == "VariableSetStmt" else _CONFIG)

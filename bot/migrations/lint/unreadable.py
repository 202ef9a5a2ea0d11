"""What runs but cannot be read beforehand counts as destructive, until staging shows what it does."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.lint.session_settings import configured
from bot.migrations.sql.builtins import HARMLESS
from bot.migrations.sql.rule import BRANCH, DYNAMIC, Rule, Statement
from bot.migrations.sql.tree import Node, find, function

RULE = Rule(
    name="unreadable", level=Level.WARN, tags=(Tag.DESTRUCTIVE,),
    why="What it does is only known once it ran, so it counts as destructive",
    effect="It may change or destroy anything that the migration's role may.",
    safe="-- write the statements out instead of having them built or called",
)
KINDS = (DYNAMIC, BRANCH, "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CallStmt",
         "CreateTableAsStmt", "ExecuteStmt", "AlterTableStmt", "IndexStmt")
COMMANDS = frozenset({"AT_AddColumn", "AT_AddConstraint", "AT_AlterColumnType"})


def statement(s: Statement) -> Iterator[Finding]:
    """EXECUTE, a called function that is not Postgres' own, a branch on data."""
    tags = RULE.tags if s.runs else ()
    if s.kind == DYNAMIC:
        yield RULE.at(s, f"{s.node['what']} runs what is put together only then. {RULE.why}.", tags=tags)
    elif s.kind == "ExecuteStmt":
        yield RULE.at(s, f"EXECUTE of a prepared statement. {RULE.why}.", tags=tags)
    elif not s.runs:
        return
    elif s.kind == BRANCH:
        yield RULE.at(s, f"branches on what is in a table. {RULE.why}.")
    elif b"(" in s.text:
        tree = s.node
        if s.kind == "AlterTableStmt":
            tree = {"cmds": [one for one in s.commands if one.get("subtype") in COMMANDS]}
        called = sorted({name for call in find(tree, "FuncCall", "funccall") if (name := _foreign(call))})
        if called:
            yield RULE.at(s, f"calls {', '.join(called)}. {RULE.why}.")


def _foreign(call: Node) -> str:
    """The name, unless the function is known to change nothing, or what it sets can be read."""
    name = function(call)
    plain = name.removeprefix("pg_catalog.")
    read = plain == "set_config" and all(setting for setting, _ in configured({"FuncCall": call}))
    return "" if read or plain in HARMLESS else name

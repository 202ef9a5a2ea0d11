"""A policy asks once who is there, not for every row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import function, table

RULE = Rule(
    name="policy-initplan", level=Level.WARN,
    why="A bare auth.uid() is called for every row; in a sub-select Postgres calls it once",
    effect="Queries over many rows get slow.",
    safe="CREATE POLICY own_rows ON public.orders FOR SELECT TO authenticated\n"
         "  USING ((SELECT auth.uid()) = user_id);",
)
KINDS = ("CreatePolicyStmt", "AlterPolicyStmt")
WORDS = ("auth", "current_setting")
_ASKED = {"auth.uid", "auth.jwt", "auth.role", "auth.email", "current_setting"}


def statement(s: Statement) -> Iterator[Finding]:
    """The call stands outside every sub-select."""
    called = sorted({*_bare(s.node.get("qual")), *_bare(s.node.get("with_check"))})
    if called:
        yield RULE.at(s, f"{called[0]}() stands bare. {RULE.why}.", table=table(s.node.get("table")))


def _bare(tree: Any) -> Iterator[str]:
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "FuncCall" in value and (name := function(value["FuncCall"])) in _ASKED:
                yield name
            waiting.extend(item for kind, item in value.items() if kind not in ("SubLink", "SelectStmt"))
        elif isinstance(value, list):
            waiting.extend(value)

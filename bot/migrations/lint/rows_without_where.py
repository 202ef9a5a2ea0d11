"""UPDATE and DELETE say which rows."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import find, is_true, quoted, table

RULE = Rule(
    name="rows-without-where", level=Level.BLOCK, tags=(Tag.DESTRUCTIVE,),
    why="Without WHERE it reaches every row",
    safe="UPDATE public.books SET region = 'EU' WHERE region IS NULL;",
)
_SAFE = {"UpdateStmt": "UPDATE {} SET … WHERE …;", "DeleteStmt": "DELETE FROM {} WHERE …;"}
KINDS = ("UpdateStmt", "DeleteStmt", "SelectStmt", "InsertStmt")


def statement(s: Statement) -> Iterator[Finding]:
    """At the top or in a WITH; WHERE true is none."""
    for kind, does, sign in (("UpdateStmt", "UPDATE", b"update"), ("DeleteStmt", "DELETE", b"delete")):
        if sign not in s.low:
            continue
        for node in [s.node] if s.kind == kind else find(s.node, kind):
            where = node.get("whereClause")
            if where is None or is_true(where):
                name = table(node.get("relation"))
                yield RULE.at(
                    s, f"{does} on {name} without WHERE. {RULE.why}.", table=name,
                    effect=f"Every row of {name} is {'overwritten' if kind == 'UpdateStmt' else 'lost'}.",
                    tags=RULE.tags if s.runs else (),
                    safe=_SAFE[kind].format(quoted(name)),
                )

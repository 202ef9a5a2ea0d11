"""jsonb, not json."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import columns, type_name

RULE = Rule(
    name="json-type", level=Level.WARN,
    why="json has no equality and no index, so DISTINCT and GROUP BY over it fail",
    safe="ALTER TABLE public.books ADD COLUMN IF NOT EXISTS details jsonb;",
)
KINDS = ("CreateStmt", "AlterTableStmt")
WORDS = ("json",)


def statement(s: Statement) -> Iterator[Finding]:
    """A new column of type json."""
    new = [*columns(s.node), *(one.get("def", {}).get("ColumnDef", {}) for one in s.commands)]
    for column in new:
        if type_name(column) == "json":
            name = s.table
            yield RULE.at(
                s, f"{name}.{column.get('colname', '')} is json. {RULE.why}.", table=name,
                location=column.get("location", -1),
            )

"""An index over more than three columns is rarely used for what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement

RULE = Rule(
    name="wide-index", level=Level.WARN,
    why="Each write pays for every column, and queries mostly use the first ones",
    safe="CREATE INDEX IF NOT EXISTS books_region_title_idx ON public.books (region, title);",
)
KINDS = ("IndexStmt",)
_MOST = 3


def statement(s: Statement) -> Iterator[Finding]:
    """UNIQUE ones hold a rule, not a query, and what is INCLUDEd does not count."""
    count = len(s.node.get("indexParams", ()))
    if count > _MOST and not s.node.get("unique"):
        name = s.table
        yield RULE.at(s, f"An index of {count} columns on {name}. {RULE.why}.", table=name)

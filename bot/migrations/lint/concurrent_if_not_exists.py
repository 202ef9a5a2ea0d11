"""IF NOT EXISTS hides the INVALID index that a failed CREATE INDEX CONCURRENTLY leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement

RULE = Rule(
    name="concurrent-if-not-exists", level=Level.BLOCK,
    why="After a failed build the second run finds the INVALID index, does nothing, and counts as applied",
    effect="Queries would not use the index, and a UNIQUE one would hold nothing unique.",
    safe="DROP INDEX CONCURRENTLY IF EXISTS public.books_title_idx; -- in a file of its own\n"
         "CREATE INDEX CONCURRENTLY books_title_idx ON public.books (title); -- in the next one",
)
KINDS = ("IndexStmt",)
WORDS = ("concurrently",)


def statement(s: Statement) -> Iterator[Finding]:
    """Both words in one CREATE INDEX."""
    if s.node.get("concurrent") and s.node.get("if_not_exists"):
        yield RULE.at(s, f"CONCURRENTLY with IF NOT EXISTS. {RULE.why}.", table=s.table)

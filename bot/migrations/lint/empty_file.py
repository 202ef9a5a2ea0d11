"""A file does something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble

RULE = Rule(
    name="empty-file", level=Level.BLOCK, waivable=False,
    why="It holds no statement, and the Supabase CLI would record it as applied all the same",
    effect="Its version is used up: what belongs here could never be applied under it.",
    safe="ALTER TABLE public.books ADD COLUMN IF NOT EXISTS subtitle text;",
)


def whole(source: Source, statements: Sequence[Statement], troubles: Sequence[Trouble]) -> Iterator[Finding]:
    """Neither a statement nor anything that could not be parsed."""
    if not troubles and all(statement.kind in ("", "TransactionStmt") for statement in statements):
        yield RULE.on(source.name, why=f"{RULE.why}.")

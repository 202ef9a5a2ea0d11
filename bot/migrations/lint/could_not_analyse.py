"""What Postgres' own parser does not take, nobody has checked."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.lint import psql_only
from bot.migrations.sql.rule import BROKEN, Rule, Source, Statement, Trouble

RULE = Rule(
    name="could-not-analyse", level=Level.BLOCK, tags=(Tag.DESTRUCTIVE,),
    why="This could not be analysed, so nobody knows what it does",
    effect="Whatever it destroys or opens would go unseen.",
    safe="-- split it into plain statements, one after the other",
)
KINDS = (BROKEN,)


def troubled(source: Source, trouble: Trouble) -> Iterator[Finding]:
    """A statement that cannot be parsed; psql's own commands have a check of their own."""
    if not psql_only.is_psql(trouble.text):
        yield RULE.on(source.name, trouble.line, why=f"{RULE.why}: {trouble}.")


def statement(s: Statement) -> Iterator[Finding]:
    """A body that cannot be parsed."""
    yield RULE.at(s, f"the body could not be analysed: {s.node['why']}.", tags=(Tag.DESTRUCTIVE,) if s.runs else ())

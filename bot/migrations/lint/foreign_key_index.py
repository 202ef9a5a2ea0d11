"""A foreign key's column has an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Rule
from bot.migrations.sql.tree import quoted, spelled

RULE = Rule(
    name="foreign-key-index", level=Level.WARN,
    why="Each DELETE in the table it points to reads this one whole",
    effect="Deletes get slow as the table grows.",
    safe="CREATE INDEX IF NOT EXISTS books_author_id_idx ON public.books (author_id);",
)


def across(pending: Sequence[Analysis]) -> Iterator[Finding]:
    """No index of the set begins with the column."""
    indexed = {(fact.subject, fact.detail) for file in pending for fact in file.named("index")}
    for file in pending:
        for fact in file.named("foreign"):
            if (fact.subject, fact.detail) not in indexed:
                index = spelled(f"{fact.subject.partition('.')[2]}_{fact.detail}_idx")
                yield RULE.on(
                    file.file, fact.line, f"{fact.subject}.{fact.detail} has no index. {RULE.why}.", table=fact.subject,
                    safe=f"CREATE INDEX IF NOT EXISTS {index} ON {quoted(fact.subject)} ({spelled(fact.detail)});",
                )

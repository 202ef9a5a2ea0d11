"""A new table in an exposed schema has row level security on, in the same pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Rule
from bot.migrations.sql.tree import EXPOSED, quoted

RULE = Rule(
    name="rls-missing", level=Level.BLOCK,
    why="Whoever has the anon key can read and write a table of an exposed schema without row level security",
    effect="The whole table is open through the API.",
    safe="ALTER TABLE public.books ENABLE ROW LEVEL SECURITY;",
)


def across(pending: Sequence[Analysis]) -> Iterator[Finding]:
    """Created here, and switched on neither in this file nor in another one of the set.

    A partition has row level security of its own: asked by its name, that of its parent does not hold it.
    """
    on = {fact.subject for file in pending for fact in file.named("rls")}
    aside = {fact.subject for file in pending for fact in (*file.named("aside"), *file.named("gone"))}
    for file in pending:
        for fact in file.named("table"):
            name = fact.subject
            if name.partition(".")[0] in EXPOSED and name not in on and name not in aside:
                yield RULE.on(
                    file.file, fact.line, f"{name} has no row level security. {RULE.why}.", table=name,
                    safe=f"ALTER TABLE {quoted(name)} ENABLE ROW LEVEL SECURITY;",
                )

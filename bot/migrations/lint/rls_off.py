"""Row level security stays on, and a table keeps a policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Analysis, Rule, Statement

RULE = Rule(
    name="rls-off", level=Level.BLOCK, tags=(Tag.ACCESS, Tag.SECURITY),
    why="Without row level security everybody with the anon key can read and write the table",
    effect="The whole table is open through the API.",
    safe="CREATE POLICY books_readable ON public.books FOR SELECT TO authenticated USING (true);",
)
KINDS = ("AlterTableStmt",)
_OFF = {"AT_DisableRowSecurity": "DISABLE", "AT_NoForceRowSecurity": "NO FORCE"}
COMMANDS = frozenset(_OFF)


def statement(s: Statement) -> Iterator[Finding]:
    """DISABLE and NO FORCE ROW LEVEL SECURITY."""
    for command in s.commands:
        if word := _OFF.get(str(command.get("subtype"))):
            name = s.table
            yield RULE.at(s, f"{word} ROW LEVEL SECURITY on {name}. {RULE.why}.", table=name,
                          tags=RULE.tags if s.runs else ())


def across(pending: Sequence[Analysis]) -> Iterator[Finding]:
    """A dropped policy with none in its place may have been the last."""
    made = {fact.subject for file in pending for fact in file.named("policy")}
    gone = {fact.subject for file in pending for fact in file.named("gone")}
    for file in pending:
        for fact in file.named("no-policy"):
            if fact.subject not in made | gone:
                said = f"A policy of {fact.subject} goes and none comes: if it was the last, nobody can read the table."
                yield RULE.on(
                    file.file, fact.line, said, level=Level.WARN, table=fact.subject,
                    effect="Readers of the API may see nothing any more.",
                )

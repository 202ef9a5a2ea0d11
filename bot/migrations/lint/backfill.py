"""Rows are filled in batches, not by one statement that holds its locks to the end of the file."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import quoted, tables

RULE = Rule(
    name="backfill", level=Level.WARN, weighs=True,
    why="One statement over many rows holds its locks until the whole file is in, and leaves as many dead rows",
    effect="Writers of these rows wait.",
    safe="UPDATE public.books SET region = 'EU' WHERE id BETWEEN 1 AND 5000 AND region IS NULL; -- in batches",
)
KINDS = ("UpdateStmt", "InsertStmt")


def statement(s: Statement) -> Iterator[Finding]:
    """UPDATE, and INSERT … SELECT from a table."""
    if not s.runs:
        return
    if s.kind == "UpdateStmt":
        name = s.table
        safe = f"UPDATE {quoted(name)} SET … WHERE id BETWEEN 1 AND 5000 AND …; -- in batches, from a script or a job"  # noqa: S608  (shown, never run)
        yield RULE.at(s, f"UPDATE of {name}. {RULE.why}.", table=name, safe=safe)
    elif sources := sorted(tables(s.node.get("selectStmt", {}).get("SelectStmt", {}).get("fromClause", ()))):
        into, of = quoted(s.table), quoted(sources[0])
        safe = (
            f"INSERT INTO {into} SELECT … FROM {of} WHERE id BETWEEN 1 AND 5000; "  # noqa: S608  (shown, never run)
            "-- in batches, from a script"
        )
        yield RULE.at(s, f"INSERT … SELECT from {sources[0]}. {RULE.why}.", table=sources[0], safe=safe)

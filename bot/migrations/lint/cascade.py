"""CASCADE takes along what nobody named."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement

RULE = Rule(
    name="cascade", level=Level.WARN, tags=(Tag.DESTRUCTIVE,),
    why="CASCADE drops or empties whatever depends on it, and the file does not say what that is",
    effect="Views, constraints, policies, or the rows of other tables go along.",
    safe="SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend\n"
         "WHERE refobjid = 'public.books'::regclass; -- look, then name each of them in a DROP of its own",
)
KINDS = ("DropStmt", "TruncateStmt", "AlterTableStmt", "DropOwnedStmt")
WORDS = ("cascade",)


def statement(s: Statement) -> Iterator[Finding]:
    """On any DROP, on TRUNCATE, on DROP COLUMN and DROP CONSTRAINT."""
    if not s.runs:
        return
    nodes = s.commands if s.kind == "AlterTableStmt" else [s.node]
    if any(node.get("behavior") == "DROP_CASCADE" for node in nodes):
        yield RULE.at(s, f"{RULE.why}.")

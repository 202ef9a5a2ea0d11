"""An EXCLUDE constraint cannot be built concurrently."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement

RULE = Rule(
    name="exclude-constraint", level=Level.BLOCK, weighs=True,
    why="Its index is built under ACCESS EXCLUSIVE, and there is no CONCURRENTLY for it",
    effect="Nobody reads or writes the table while it is built.",
    safe="CREATE TABLE public.bookings (\n  room int, during tstzrange,\n"
         "  EXCLUDE USING gist (room WITH =, during WITH &&)\n);",
)
KINDS = ("AlterTableStmt",)
WORDS = ("exclude",)


def statement(s: Statement) -> Iterator[Finding]:
    """ADD CONSTRAINT … EXCLUDE on a table that is there."""
    for command in s.commands:
        if command.get("def", {}).get("Constraint", {}).get("contype") == "CONSTR_EXCLUSION":
            name = s.table
            yield RULE.at(s, f"EXCLUDE on {name}. {RULE.why}.", table=name)

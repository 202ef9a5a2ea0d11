"""An extension has a schema of its own, and its version is a choice."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import option, word

RULE = Rule(
    name="extension", level=Level.WARN,
    why="In public its functions are open through the API",
    safe="CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA extensions VERSION '1.6';",
)
KINDS = ("CreateExtensionStmt",)


def statement(s: Statement) -> Iterator[Finding]:
    """Into public, or wherever the search path leads; without a version it is only a note."""
    name, schema = s.node.get("extname", ""), option(s.node.get("options"), "schema")
    if schema is None or word(schema) == "public":
        yield RULE.at(s, f"The extension {name} goes into public. {RULE.why}.")
    elif option(s.node.get("options"), "new_version") is None:
        yield RULE.at(
            s, f"The extension {name} has no VERSION: staging and production may get different ones.", level=Level.NOTE,
        )

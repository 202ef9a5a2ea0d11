"""An extension has a schema of its own, and its version is a choice."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import option, spelled, word

RULE = Rule(
    name="extension", level=Level.WARN,
    why="In public its functions are open through the API",
    safe="CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA extensions;",
)
KINDS = ("CreateExtensionStmt",)
_AT_HOME = {
    "pg_cron": "pg_catalog", "pg_net": "extensions", "pgmq": "pgmq", "pg_graphql": "graphql", "supabase_vault": "vault",
    "pgsodium": "pgsodium", "pg_tle": "pgtle", "plv8": "pg_catalog", "plpgsql": "pg_catalog",
    "postgis_topology": "topology", "postgis_tiger_geocoder": "tiger",
}
"""Extensions whose functions live in a schema of their own, whatever is said."""


def statement(s: Statement) -> Iterator[Finding]:
    """Into public, or wherever the search path leads; without a version it is only a note."""
    name, schema = str(s.node.get("extname", "")), option(s.node.get("options"), "schema")
    safe = f"CREATE EXTENSION IF NOT EXISTS {spelled(name)} WITH SCHEMA"
    if (schema is None or word(schema) == "public") and name not in _AT_HOME:
        yield RULE.at(s, f"The extension {name} goes into public. {RULE.why}.", safe=f"{safe} extensions;")
    elif option(s.node.get("options"), "new_version") is None:
        yield RULE.at(
            s, f"The extension {name} has no VERSION: staging and production may get different ones.", level=Level.NOTE,
            safe=f"{safe} {spelled(word(schema) if schema else _AT_HOME[name])} VERSION '…';",
        )

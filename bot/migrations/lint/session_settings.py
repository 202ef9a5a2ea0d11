"""Settings last for the migration alone: SET LOCAL."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement

RULE = Rule(
    name="session-settings", level=Level.WARN,
    why="SET without LOCAL outlives the transaction and meets whoever has the connection next",
    safe="SET LOCAL search_path = public;",
)
KINDS = ("VariableSetStmt",)
_POWERS = {"role", "session_authorization", "session_replication_role", "row_security"}


def statement(s: Statement) -> Iterator[Finding]:
    """The role and the replication role switch checks off, so they are blocks, LOCAL or not."""
    name, resets = str(s.node.get("name", "")), str(s.node.get("kind", "")).startswith("VAR_RESET")
    if name.startswith("TRANSACTION") or resets or s.node.get("kind") == "VAR_SET_DEFAULT":
        return
    if name in _POWERS:
        yield RULE.at(
            s, f"SET {name} switches the rights or the triggers off that everything else is held by.",
            level=Level.BLOCK, tags=(Tag.SECURITY, Tag.ACCESS) if s.runs else (Tag.SECURITY,),
            effect="Triggers, foreign keys or policies do not see what runs then.",
            safe="-- write the statement so that it needs neither",
        )
    elif not s.node.get("is_local") and not s.inside:
        yield RULE.at(s, f"SET {name}. {RULE.why}.", safe=f"SET LOCAL {name} = …;")

"""One file locks one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble
from bot.migrations.sql.tree import table

RULE = Rule(
    name="lock-pile-up", level=Level.WARN,
    why="All locks are held until the last statement is through, and two files that take them in another order "
        "stop each other",
    effect="Readers of every table that is named wait for the whole file.",
    safe="-- one table a file, its locking statement last",
)
_HARMLESS = {"AT_ValidateConstraint", "AT_SetStatistics", "AT_AttachPartition", "AT_SetRelOptions"}


def whole(source: Source, statements: Sequence[Statement], troubles: Sequence[Trouble]) -> Iterator[Finding]:
    """More than one table that was there before is under ACCESS EXCLUSIVE."""
    new: set[str] = set()
    locked: dict[str, Statement] = {}
    for one in statements:
        name = table(one.node.get("relation")) if isinstance(one.node.get("relation"), dict) else ""
        if one.kind == "CreateStmt":
            new.add(name)
        elif one.kind in ("AlterTableStmt", "RenameStmt") and name and name not in new:
            kinds = {item.get("AlterTableCmd", {}).get("subtype") for item in one.node.get("cmds", ())}
            if not kinds or not kinds <= _HARMLESS:
                locked.setdefault(name, one)
    if len(locked) > 1:
        last = list(locked.values())[1]
        yield RULE.at(last, f"{' and '.join(locked)} are locked together. {RULE.why}.")

"""Statements that lock a table while they work over all of it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import find, option, quoted, table

RULE = Rule(
    name="heavy-lock", level=Level.WARN, weighs=True,
    why="It locks the table, and on a large one for long",
    effect="Readers or writers of the table wait until the whole file is in.",
    safe="REFRESH MATERIALIZED VIEW CONCURRENTLY public.totals;",
)
_COMMANDS = {
    "AT_AttachPartition": "ATTACH PARTITION", "AT_SetLogged": "SET LOGGED", "AT_SetUnLogged": "SET UNLOGGED",
    "AT_SetTableSpace": "SET TABLESPACE", "AT_SetAccessMethod": "SET ACCESS METHOD", "AT_ClusterOn": "",
}
COMMANDS = frozenset(_COMMANDS)
KINDS = ("CreateTrigStmt", "AlterTableStmt", "LockStmt", "VacuumStmt", "ClusterStmt", "RefreshMatViewStmt")


def statement(s: Statement) -> Iterator[Finding]:
    """CREATE TRIGGER, ATTACH PARTITION, SET LOGGED, LOCK TABLE, VACUUM FULL, CLUSTER, REFRESH without CONCURRENTLY."""
    if not s.runs:
        return
    for what, name in _locks(s):
        yield RULE.at(s, f"{what} on {name}. {RULE.why}.", table=name, safe=_safe(s, name))


def _safe(s: Statement, name: str) -> str:
    match s.kind:
        case "RefreshMatViewStmt":
            return f"REFRESH MATERIALIZED VIEW CONCURRENTLY {quoted(name)}; -- it needs a unique index without WHERE"
        case "VacuumStmt":
            return f"VACUUM {quoted(name)}; -- alone in its file; it locks nobody out"
        case "CreateTrigStmt":
            return "-- as the last statement of its file: it waits for whoever writes to the table, and is then quick"
        case _:
            return "-- in a file of its own, and at a quiet time"


def _locks(s: Statement) -> Iterator[tuple[str, str]]:
    name = s.table
    if s.kind == "CreateTrigStmt":
        yield "CREATE TRIGGER", name
    elif s.kind == "AlterTableStmt":
        for command in s.commands:
            if what := _COMMANDS.get(str(command.get("subtype"))):
                yield what, name
    elif s.kind == "RefreshMatViewStmt" and not s.node.get("concurrent"):
        yield "REFRESH MATERIALIZED VIEW without CONCURRENTLY", name
    elif s.kind == "ClusterStmt":
        yield "CLUSTER", name or "every table"
    elif s.kind in ("LockStmt", "VacuumStmt"):
        if s.kind == "VacuumStmt" and option(s.node.get("options"), "full") is None:
            return
        for relation in find(s.node, "RangeVar", "relation"):
            yield "LOCK TABLE" if s.kind == "LockStmt" else "VACUUM FULL", table(relation)

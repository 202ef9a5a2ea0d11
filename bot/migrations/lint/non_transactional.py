"""What cannot run in a transaction stands alone in its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble
from bot.migrations.sql.tree import option

RULE = Rule(
    name="non-transactional", level=Level.BLOCK, waivable=False,
    why="It cannot run in a transaction, so it stands alone in its file",
    effect="Postgres refuses it (25001), and what ran before it may stay without a history row.",
    safe="-- the only statement of its file\nCREATE INDEX CONCURRENTLY books_title_idx ON public.books (title);",
)
_ALWAYS = {
    "VacuumStmt": "VACUUM", "AlterSystemStmt": "ALTER SYSTEM", "CreatedbStmt": "CREATE DATABASE",
    "DropdbStmt": "DROP DATABASE", "CreateTableSpaceStmt": "CREATE TABLESPACE", "DropTableSpaceStmt": "DROP TABLESPACE",
    "CreateSubscriptionStmt": "CREATE SUBSCRIPTION", "DropSubscriptionStmt": "DROP SUBSCRIPTION",
}
_SOME = {*_ALWAYS, "IndexStmt", "DropStmt", "ReindexStmt", "ClusterStmt", "RepackStmt", "DiscardStmt", "AlterTableStmt"}
_NEVER = {*_ALWAYS.values(), "VACUUM FULL", "CLUSTER without a table", "DISCARD ALL"} - {"VACUUM"} | {
    f"REINDEX {kind}" for kind in ("DATABASE", "SYSTEM", "SCHEMA")
}


def whole(source: Source, statements: Sequence[Statement], troubles: Sequence[Trouble]) -> Iterator[Finding]:
    """Alone means alone: no BEGIN around it either. What is not about the schema is in no file at all."""
    single = len(statements) + len(troubles) < 2
    for one in statements:
        what = named(one) if one.kind in _SOME else ""
        if what in _NEVER:
            yield RULE.at(one, f"{what} does not belong into a migration: it is about more than this schema.")
        elif what and not single:
            yield RULE.at(one, f"{what} beside other statements. {RULE.why}.")


def named(s: Statement) -> str:
    """What of a statement cannot run in a transaction; empty when it can."""
    node = s.node
    if s.kind == "VacuumStmt":
        return _vacuum(node)
    if s.kind in _ALWAYS:
        return _ALWAYS[s.kind]
    if s.kind == "IndexStmt" and node.get("concurrent"):
        return "CREATE INDEX CONCURRENTLY"
    if s.kind == "DropStmt" and node.get("concurrent"):
        return "DROP INDEX CONCURRENTLY"
    if s.kind == "ReindexStmt":
        kind = str(node.get("kind", "")).removeprefix("REINDEX_OBJECT_")
        if kind in ("DATABASE", "SYSTEM", "SCHEMA"):
            return f"REINDEX {kind}"
        return "REINDEX CONCURRENTLY" if option(node.get("params"), "concurrently") else ""
    if s.kind in ("ClusterStmt", "RepackStmt") and "relation" not in node:
        return "CLUSTER without a table"
    if s.kind == "DiscardStmt" and node.get("target") == "DISCARD_ALL":
        return "DISCARD ALL"
    if s.kind == "AlterTableStmt":
        detach = (command.get("def", {}).get("PartitionCmd", {}) for command in s.commands)
        return "DETACH PARTITION CONCURRENTLY" if any(part.get("concurrent") for part in detach) else ""
    return ""


def _vacuum(node: Any) -> str:
    if not node.get("is_vacuumcmd"):
        return ""
    return "VACUUM FULL" if option(node.get("options"), "full") else "VACUUM"

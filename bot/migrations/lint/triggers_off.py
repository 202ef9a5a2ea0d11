"""Triggers and owners stay as they are."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import Node, dotted, opened, quoted, strings

RULE = Rule(
    name="triggers-off", level=Level.WARN, tags=(Tag.SECURITY,),
    why="Audit, search and realtime hang on triggers, and an owner may do everything",
    safe="ALTER TABLE public.books ENABLE TRIGGER ALL; -- in the same file, after what needed them off",
)
_OWNER = "-- leave it with postgres, which owns what migrations make"
_OFF = {"AT_DisableTrig", "AT_DisableTrigAll", "AT_DisableTrigUser", "AT_DisableRule"}
KINDS = ("AlterTableStmt", "AlterOwnerStmt", "ReassignOwnedStmt")
COMMANDS = frozenset({*_OFF, "AT_ChangeOwner"})


TO_POSTGRES = "gets postgres as its owner, and is not made by this file"
_MIGHT = "If it had an owner of few rights on purpose, it works with those of postgres from then on."
_ROUTINES = {"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"}


def _is_postgres(node: Node) -> bool:
    """A dump says of all that it makes that it is postgres', which it is anyway."""
    return bool(node.get("newowner", {}).get("rolename") == "postgres")


def statement(s: Statement) -> Iterator[Finding]:
    """DISABLE TRIGGER, OWNER TO, REASSIGN OWNED."""
    if s.kind == "ReassignOwnedStmt":
        yield RULE.at(s, f"Everything that a role owns gets another owner. {RULE.why}.", safe=_OWNER)
        return
    if s.kind == "AlterOwnerStmt":
        if _is_postgres(s.node):
            if s.node.get("objectType") in _ROUTINES:
                name = dotted(strings(opened(s.node.get("object", {}))[1].get("objname")))
                yield RULE.at(s, f"{name} {TO_POSTGRES}.", effect=_MIGHT, safe=_OWNER)
            return
        yield RULE.at(s, f"Changes an owner. {RULE.why}.", safe=_OWNER)
        return
    name = s.table
    for command in s.commands:
        if command.get("subtype") in _OFF:
            safe = RULE.safe.replace("public.books", quoted(name))
            yield RULE.at(s, f"DISABLE TRIGGER on {name}. {RULE.why}.", table=name, safe=safe)
        elif command.get("subtype") == "AT_ChangeOwner" and _is_postgres(command):
            if s.node.get("objtype") == "OBJECT_VIEW":
                yield RULE.at(s, f"{name} {TO_POSTGRES}.", effect=_MIGHT, safe=_OWNER)
        elif command.get("subtype") == "AT_ChangeOwner":
            yield RULE.at(s, f"{name} gets another owner. {RULE.why}.", table=name, safe=_OWNER)

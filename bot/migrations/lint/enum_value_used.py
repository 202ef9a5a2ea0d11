"""A new value of an enum cannot be used before the transaction that adds it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble
from bot.migrations.sql.tree import walk

RULE = Rule(
    name="enum-value-used", level=Level.BLOCK, waivable=False,
    why="Postgres refuses a new enum value in the transaction that adds it (55P04)",
    effect="The file would fail as a whole.",
    safe="ALTER TYPE public.mood ADD VALUE IF NOT EXISTS 'calm'; -- alone in its file; use it in the next one",
)


def whole(source: Source, statements: Sequence[Statement], troubles: Sequence[Trouble]) -> Iterator[Finding]:
    """The value stands as a text in a later statement that works with rows or expressions.

    A value of a type that the same file makes may be used at once.
    """
    added: dict[str, int] = {}
    made: set[str] = set()
    for number, one in enumerate(statements):
        if one.kind == "CreateEnumStmt":
            made.add(_type(one))
        new = one.kind == "AlterEnumStmt" and one.node.get("newVal") and not one.node.get("oldVal")
        if new and _type(one) not in made:
            added[str(one.node["newVal"])] = number
    if not added:
        return
    for number, one in enumerate(statements):
        if one.kind in ("AlterEnumStmt", "CreateEnumStmt", "CommentStmt", "CreateFunctionStmt"):
            continue
        used = {str(node["sval"]) for _, node in walk(one.node) if isinstance(node.get("sval"), str)}
        for value in sorted(used & added.keys()):
            if number > added[value]:
                yield RULE.at(one, f"'{value}' was added further up in this file. {RULE.why}.")


def _type(s: Statement) -> str:
    """The name of a type without its schema."""
    names = s.node.get("typeName") or ()
    return str(names[-1].get("String", {}).get("sval", "")) if names else ""

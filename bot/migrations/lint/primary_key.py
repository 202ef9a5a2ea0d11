"""A table has a primary key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble
from bot.migrations.sql.tree import columns, constraints, table

RULE = Rule(
    name="primary-key", level=Level.WARN,
    why="Without one no row can be named: not by the dashboard, not by realtime, not by a backup of single rows",
    safe="CREATE TABLE public.books (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL);",
)


def whole(source: Source, own: Sequence[Statement], troubles: Sequence[Trouble]) -> Iterator[Finding]:
    """A dump, and a diff of the CLI, makes the table first and its key further down: what is added later counts."""
    keyed = {s.table for s in own if s.kind == "AlterTableStmt" and any(
        one.get("def", {}).get("Constraint", {}).get("contype") == "CONSTR_PRIMARY" for one in s.commands
    )}
    for s in own:
        if s.kind == "CreateStmt" and table(s.node["relation"]) not in keyed:
            yield from _keyless(s)


def _keyless(s: Statement) -> Iterator[Finding]:
    """Partitions, children and temporary tables aside."""
    node = s.node
    if node.get("inhRelations") or "partbound" in node or node["relation"].get("relpersistence") == "t":
        return
    if "ofTypename" in node or any("TableLikeClause" in item for item in node.get("tableElts", ())):
        return
    own = (item["Constraint"] for item in node.get("tableElts", ()) if "Constraint" in item)
    of_columns = (constraint for column in columns(node) for constraint in constraints(column))
    if not any(one.get("contype") == "CONSTR_PRIMARY" for one in chain(own, of_columns)):
        yield RULE.at(s, f"{table(node['relation'])} has no primary key. {RULE.why}.")

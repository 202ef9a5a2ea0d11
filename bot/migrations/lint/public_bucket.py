"""A bucket that anybody may read is one on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import Node, is_true, word

RULE = Rule(
    name="public-bucket", level=Level.WARN, tags=(Tag.ACCESS, Tag.SECURITY),
    why="Its files can be read by whoever has or guesses their address, past every policy and without a key",
    effect="Everybody on the internet can read every file in it.",
    safe="INSERT INTO storage.buckets (id, name, public) VALUES ('reports', 'reports', false);\n"
         "-- and signed addresses, or a policy on storage.objects, for those who may read",
)
KINDS = ("InsertStmt", "UpdateStmt")
WORDS = ("buckets",)
_COLUMNS = ["id", "name", "owner", "created_at", "updated_at", "public"]
"""Its first columns, for an INSERT that names none."""


def statement(s: Statement) -> Iterator[Finding]:
    """A bucket is made public, or becomes so."""
    if s.table != "storage.buckets" or not s.runs:
        return
    changed = s.node.get("targetList", ()) if s.kind == "UpdateStmt" else s.node.get("onConflictClause", {}).get(
        "targetList", ())
    if any(_opens(value) for value in chain(_set(changed), _inserted(s.node))):
        yield RULE.at(s, f"A bucket is public. {RULE.why}.", table="storage.buckets")


def _opens(value: Node) -> bool:
    """Plainly true, also as a word that Postgres takes for it."""
    return is_true(value) or ("A_Const" in value and word(value) in ("true", "t", "yes", "y", "on", "1"))


def _set(targets: list[Node]) -> Iterator[Node]:
    for target in targets:
        if target.get("ResTarget", {}).get("name") == "public":
            value = target["ResTarget"].get("val", {})
            several = value.get("MultiAssignRef", {})
            values = several.get("source", {}).get("RowExpr", {}).get("args", [value])
            yield from values[several.get("colno", 1) - 1:][:1]


def _inserted(node: Node) -> Iterator[Node]:
    """The values of its column `public`, row by row."""
    names = [one.get("ResTarget", {}).get("name") for one in node.get("cols", ())] or _COLUMNS
    if "public" not in names:
        return
    select, place = node.get("selectStmt", {}).get("SelectStmt", {}), names.index("public")
    rows = [row.get("List", {}).get("items", []) for row in select.get("valuesLists", ())]
    rows.append([one.get("ResTarget", {}).get("val", {}) for one in select.get("targetList", ())])
    yield from (row[place] for row in rows if len(row) > place)

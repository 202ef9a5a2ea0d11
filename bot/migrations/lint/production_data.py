"""A migration changes the shape; data of real people and places comes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Statement

RULE = Rule(
    name="production-data", level=Level.WARN,
    why="What is true of one database is wrong in the others, and the repository keeps it for ever",
    safe="INSERT INTO public.books (title) SELECT title FROM public.new_books; -- or by a script of its own",
)
KINDS = ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt")
_DATA = tuple((sign, re.compile(pattern, re.IGNORECASE), what) for sign, pattern, what in (
    (b"@", rb"'[^'\s@]+@(?!example\.)[a-z0-9-]+\.[a-z]{2,}'", "the address of a person"),
    (b"-", rb"'[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'", "the id of one row"),
    (b"supabase.", rb"\b[a-z]{20}\.supabase\.(?:co|in)\b", "the address of one project"),
))
_MANY = 100


def statement(s: Statement) -> Iterator[Finding]:
    """Addresses and ids in what changes rows, and long lists of literal rows."""
    if b"'" in s.text or b"supabase." in s.low:
        for sign, pattern, what in _DATA:
            if sign in s.low and (found := pattern.search(s.text)):
                line = s.line if s.inside else s.line + s.text.count(b"\n", 0, found.start())
                yield RULE.on(s.source.name, line, f"Here stands {what}. {RULE.why}.")
    if s.kind == "InsertStmt":
        values = len(s.node.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists", ()))
        if values > _MANY:
            yield RULE.at(s, f"{values} literal rows. {RULE.why}.")

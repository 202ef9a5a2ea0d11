"""A view does not lead round row level security."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import EXPOSED, option, quoted, table, tables, word

RULE = Rule(
    name="view-security", level=Level.BLOCK, tags=(Tag.SECURITY,),
    why="A view reads with its owner's rights, past the row level security of its tables",
    effect="Everybody who may read the view sees every row behind it.",
    safe="CREATE VIEW public.bestsellers WITH (security_invoker = on) AS SELECT id, title FROM public.books;",
)
_ON = ("true", "on", "1", "yes")
KINDS = ("ViewStmt", "CreateTableAsStmt", "AlterTableStmt")


def _altered(s: Statement) -> Iterator[Finding]:
    """A view whose security_invoker is taken away."""
    name = s.table
    if s.node.get("objtype") != "OBJECT_VIEW" or name.partition(".")[0] not in EXPOSED:
        return
    for command in s.commands:
        options = command.get("def", {}).get("List", {}).get("items", ())
        given = option(options, "security_invoker")
        if given is None or (command.get("subtype") == "AT_SetRelOptions" and word(given) in _ON):
            continue
        safe = f"ALTER VIEW {quoted(name)} SET (security_invoker = on);"
        yield RULE.at(s, f"The view {name} loses its security_invoker. {RULE.why}.", table=name, safe=safe)


def statement(s: Statement) -> Iterator[Finding]:
    """In an exposed schema, over any table that the API knows or over auth.users."""
    if s.kind == "AlterTableStmt":
        yield from _altered(s)
        return
    if s.kind == "CreateTableAsStmt" and s.node.get("objtype") != "OBJECT_MATVIEW":
        return
    relation = s.node.get("view") or s.node.get("into", {}).get("rel")
    name = table(relation)
    invoker = option(s.node.get("options"), "security_invoker")
    if name.partition(".")[0] not in EXPOSED or (invoker and word(invoker) in _ON):
        return
    read = tables(s.node.get("query")) - {name}
    if s.kind == "CreateTableAsStmt":
        if "auth.users" in read:
            said = f"The materialized view {name} holds rows of auth.users, open through the API."
            yield RULE.at(s, said, table=name)
        elif read:
            yield RULE.at(
                s, f"No row level security holds the materialized view {name}: whoever may SELECT from it sees all of "
                "it, and on Supabase anon may, unless that is revoked.", table=name, level=Level.WARN,
                safe=f"REVOKE ALL ON {quoted(name)} FROM anon, authenticated;",
            )
    elif read:
        over = "auth.users" if "auth.users" in read else sorted(read)[0]
        safe = f"ALTER VIEW {quoted(name)} SET (security_invoker = on); -- right after it"
        yield RULE.at(s, f"The view {name} over {over} has no security_invoker. {RULE.why}.", table=name, safe=safe)

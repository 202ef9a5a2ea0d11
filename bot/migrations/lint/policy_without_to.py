"""A policy says for whom it is."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import is_true, quoted, roles, spelled, table

RULE = Rule(
    name="policy-without-to", level=Level.BLOCK, tags=(Tag.ACCESS, Tag.SECURITY),
    why="Without TO a policy is for PUBLIC: for visitors who are not signed in as well",
    effect="It reaches more roles than was probably meant, and is evaluated for all of them.",
    safe="CREATE POLICY own_rows ON public.orders FOR UPDATE TO authenticated\n"
         "  USING ((SELECT auth.uid()) = user_id);",
)
KINDS = ("CreatePolicyStmt",)


def statement(s: Statement) -> Iterator[Finding]:
    """For reading it is a warning; `USING (true)` for everybody has a finding of its own that says more."""
    if not s.node.get("permissive") or "public" not in roles(s.node.get("roles")):
        return
    reading = str(s.node.get("cmd_name", "all")).lower() == "select"
    if is_true(s.node.get("qual")) or is_true(s.node.get("with_check")):
        return
    policy = f"{spelled(str(s.node.get('policy_name')))} ON {quoted(table(s.node.get('table')))}"
    yield RULE.at(
        s, f"The policy {s.node.get('policy_name')} names no role. {RULE.why}.", table=table(s.node.get("table")),
        level=Level.WARN if reading else Level.BLOCK, tags=(Tag.SECURITY,) if reading else RULE.tags,
        safe=f"ALTER POLICY {policy} TO authenticated; -- right after it, or TO authenticated in it",
    )

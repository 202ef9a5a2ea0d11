"""A policy never trusts what users write about themselves."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import table, walk

RULE = Rule(
    name="policy-user-metadata", level=Level.BLOCK, tags=(Tag.SECURITY,),
    why="Users can change their own user_metadata, so whoever wants the right takes it",
    effect="Anybody who is signed in passes the policy.",
    safe="CREATE POLICY admins ON public.orders FOR SELECT TO authenticated\n"
         "  USING (((SELECT auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin');",
)
KINDS = ("CreatePolicyStmt", "AlterPolicyStmt")
WORDS = ("_meta",)
_CLAIMS = {"user_metadata", "raw_user_meta_data"}


def statement(s: Statement) -> Iterator[Finding]:
    """The claim, by either of its names."""
    for key in ("qual", "with_check"):
        if any(node.get("sval") in _CLAIMS for _, node in walk(s.node.get(key)) if isinstance(node.get("sval"), str)):
            yield RULE.at(s, f"The policy reads user_metadata. {RULE.why}.", table=table(s.node.get("table")))
            return

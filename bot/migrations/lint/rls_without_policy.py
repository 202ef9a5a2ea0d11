"""Row level security and policies come together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Rule
from bot.migrations.sql.tree import quoted

RULE = Rule(
    name="rls-without-policy", level=Level.WARN,
    why="Row level security without a policy locks everybody out; a policy without it has no effect",
    safe="CREATE POLICY own_rows ON public.books FOR SELECT TO authenticated USING ((SELECT auth.uid()) = user_id);",
)


def across(pending: Sequence[Analysis]) -> Iterator[Finding]:
    """Judged for tables that are created in the set: of the others nobody knows here what they have."""
    new = {fact.subject for file in pending for fact in file.named("table")}
    on = {fact.subject for file in pending for fact in file.named("rls")}
    ruled = {fact.subject for file in pending for fact in file.named("policy")}
    for file in pending:
        for fact in file.named("rls"):
            if fact.subject in new and fact.subject not in ruled:
                yield RULE.on(
                    file.file, fact.line, f"{fact.subject} has row level security and no policy: service_role alone "
                    "can read it through the API.", table=fact.subject, level=Level.NOTE,
                    safe=RULE.safe.replace("public.books", quoted(fact.subject)),
                )
        for fact in file.named("policy"):
            if fact.subject in new and fact.subject not in on:
                safe = f"ALTER TABLE {quoted(fact.subject)} ENABLE ROW LEVEL SECURITY;"
                yield RULE.on(
                    file.file, fact.line, f"{fact.subject} has a policy, but row level security is off: the policy has "
                    "no effect.", table=fact.subject, safe=safe,
                )

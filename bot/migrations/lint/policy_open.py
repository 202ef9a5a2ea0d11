"""A policy that lets everybody do everything is none."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import OPEN_ROLES, is_signed_in, is_true, quoted, roles, spelled, table

RULE = Rule(
    name="policy-open", level=Level.BLOCK, tags=(Tag.ACCESS, Tag.SECURITY),
    why="USING (true) and WITH CHECK (true) let every role that the policy names reach every row",
    safe="CREATE POLICY own_rows ON public.orders FOR UPDATE TO authenticated\n"
         "  USING ((SELECT auth.uid()) = user_id) WITH CHECK ((SELECT auth.uid()) = user_id);",
)
_DOES = {
    "select": "read every row of", "insert": "add any row to", "update": "change every row of",
    "delete": "delete every row of", "all": "read, add, change and delete any row of",
}
KINDS = ("CreatePolicyStmt", "AlterPolicyStmt")


def statement(s: Statement) -> Iterator[Finding]:
    """Judged by the roles that it reaches: service_role passes row level security anyway. Reading is a warning.

    To ask only whether somebody is signed in is as open as TO authenticated USING (true).
    """
    if s.kind == "CreatePolicyStmt" and not s.node.get("permissive"):
        return
    halves = [(name, s.node.get(key)) for name, key in (("USING", "qual"), ("WITH CHECK", "with_check"))]
    told = [f"{name} (true)" for name, condition in halves if is_true(condition)]
    reached = roles(s.node.get("roles")) & OPEN_ROLES
    if not told and reached - {"anon"}:
        told = [f"{name} (anybody signed in)" for name, condition in halves if is_signed_in(condition)]
        reached = {"authenticated"}
    if not told or not reached:
        return
    name, who = table(s.node.get("table")), _who(reached)
    command = str(s.node.get("cmd_name", "all")).lower()
    reading = command == "select"
    said = f"{' and '.join(told)} on {name} reaches {who}"
    yield RULE.at(
        s, f"{said} for {'reading' if reading else command.upper()}.", table=name,
        level=Level.WARN if reading else Level.BLOCK, tags=(Tag.SECURITY,) if reading else RULE.tags,
        effect=f"{who} can {_DOES[command]} {name}.",
        safe=_own_rows(s, name, command if s.kind == "CreatePolicyStmt" else ""),
    )


def _own_rows(s: Statement, name: str, command: str) -> str:
    """The same policy for a signed-in person's own rows; of the halves only those that the command has."""
    own = "((SELECT auth.uid()) = user_id)"
    policy = f"POLICY {spelled(str(s.node.get('policy_name')))} ON {quoted(name)}"
    if not command:
        return f"ALTER {policy} TO authenticated\n  USING {own};"
    halves = {"insert": f"WITH CHECK {own}", "select": f"USING {own}", "delete": f"USING {own}"}
    both = f"USING {own} WITH CHECK {own}"
    return f"CREATE {policy} FOR {command.upper()} TO authenticated\n  {halves.get(command, both)};"


def _who(reached: set[str]) -> str:
    return "everybody" if "public" in reached else " and ".join(sorted(reached))

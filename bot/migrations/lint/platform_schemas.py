"""What belongs to the platform is left to the platform."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.facts import dropped
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import Node, dotted, strings, table

RULE = Rule(
    name="platform-schemas", level=Level.BLOCK, tags=(Tag.SECURITY,),
    why="Supabase owns this schema and changes it with its own releases",
    effect="Sign-in, storage or realtime may break now, or at the platform's next release.",
    safe="CREATE TABLE public.profiles (id uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE);",
)
_PLATFORM = re.compile(
    r"(?:auth|storage|realtime|vault|extensions|pgsodium|graphql|net|cron|supabase_\w+"
    r"|_(?:analytics|realtime|supavisor))\.")
WORDS = (
    "auth", "storage", "realtime", "vault", "extensions", "pgsodium", "graphql", "net", "cron", "supabase_",
    "_analytics", "_supavisor",
)
_FAILS = "A failing trigger or policy there fails sign-in, upload or realtime for its users."
_TRY = "-- try it on staging as a user of each role, signed in and not"
_PATTERNS = {
    "auth.users": ("CreateTrigStmt", "OBJECT_TRIGGER"), "storage.buckets": ("policy",),
    "storage.objects": ("policy", "CreateTrigStmt", "OBJECT_TRIGGER"),
    "realtime.messages": ("policy", "CreateTrigStmt", "OBJECT_TRIGGER"),
}
"""What Supabase itself lets `postgres` make there (supautils.policy_grants and drop_trigger_grants)."""
KINDS = (
    "CreateStmt", "AlterTableStmt", "IndexStmt", "CreateTrigStmt", "CreatePolicyStmt", "AlterPolicyStmt", "ViewStmt",
    "DropStmt", "RenameStmt", "CreateFunctionStmt", "CreateTableAsStmt", "AlterOwnerStmt", "AlterObjectSchemaStmt",
    "CreateEnumStmt", "CompositeTypeStmt", "CreateSeqStmt", "TruncateStmt", "CreateSchemaStmt", "RuleStmt",
    "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt",
)
_ROWS = ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")


_OTHERWISE = {
    "CreateFunctionStmt", "CreateEnumStmt", "CreateTableAsStmt", "CreateSchemaStmt", "TruncateStmt", "DropStmt",
}


def statement(s: Statement) -> Iterator[Finding]:
    """Supabase's own documented patterns are a note: a trigger on auth.users, policies where files and channels are."""
    if s.kind in _ROWS:
        yield from _rows(s)
        return
    names = sorted({name for name in _names(s) if _PLATFORM.match(f"{name}.")})
    if not names:
        return
    said = f"{names[0]} belongs to the platform"
    pattern = "policy" if _is_policy(s) else str(s.node.get("removeType", s.kind))
    if all(pattern in _PATTERNS.get(name, ()) for name in names):
        said = f"{said}; this is a documented way to build on it."
        yield RULE.at(s, said, level=Level.NOTE, effect=_FAILS, safe=_TRY)
    else:
        yield RULE.at(s, f"{said}. {RULE.why}.")


def _rows(s: Statement) -> Iterator[Finding]:
    """What a migration writes there for itself; a function's body is the app's business."""
    name = s.table
    if not s.runs or not name.startswith(("supabase_migrations.", "auth.")):
        return
    if name.startswith("auth."):
        said = f"{name} is Supabase Auth's own: it keeps other tables in step with it, and its columns change"
        safe = "-- with the Admin API of Supabase Auth, from a script of its own"
        yield RULE.at(s, f"{said}.", level=Level.WARN, safe=safe, effect="Sign-in may break for whom it writes of.")
    else:
        yield RULE.at(
            s, f"{name} is the migration history: who reads it is told what never ran, or runs again what did.",
            effect="Stagedoor and the Supabase CLI no longer know what is in.",
            safe="-- in the shell: supabase migration repair --status applied 20261101120000",
        )


def _names(s: Statement) -> Iterator[str]:
    node = s.node
    for key in ("relation", "view", "table", "sequence", "typevar"):
        if key in node and isinstance(node[key], dict):
            yield table(node[key])
    if s.kind in _OTHERWISE:
        yield from _named_otherwise(s, node)


def _named_otherwise(s: Statement, node: Node) -> Iterator[str]:
    if s.kind == "CreateFunctionStmt":
        yield dotted(strings(node.get("funcname")))
    if s.kind == "CreateEnumStmt":
        yield dotted(strings(node.get("typeName")))
    if s.kind == "CreateTableAsStmt":
        yield table(node.get("into", {}).get("rel"))
    if s.kind == "CreateSchemaStmt" and not node.get("if_not_exists"):
        yield f"{node.get('schemaname', '')}."
    if s.kind == "TruncateStmt":
        yield from (table(item.get("RangeVar")) for item in node.get("relations", ()))
    if s.kind == "DropStmt":
        yield from _dropped(node)


def _dropped(node: Node) -> Iterator[str]:
    if node.get("removeType") == "OBJECT_SCHEMA":
        yield from (f"{item['String'].get('sval', '')}." for item in node.get("objects", ()) if "String" in item)
    elif node.get("removeType") == "OBJECT_FUNCTION":
        for item in node.get("objects", ()):
            yield dotted(strings(item.get("ObjectWithArgs", {}).get("objname")))
    elif node.get("removeType") != "OBJECT_EXTENSION":
        yield from dropped(node)


def _is_policy(s: Statement) -> bool:
    return "Policy" in s.kind or s.node.get("removeType") == "OBJECT_POLICY"

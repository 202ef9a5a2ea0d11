"""Rights for the roles of the API are given on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import OPEN_ROLES, Node, dotted, find, option, quoted, roles, strings, table, word

RULE = Rule(
    name="grants", level=Level.WARN, tags=(Tag.ACCESS, Tag.SECURITY),
    why="Whoever uses the API is one of these roles, and what they may is then only held by row level security",
    safe="GRANT SELECT ON public.books TO authenticated;",
)
KINDS = ("GrantStmt", "GrantRoleStmt", "AlterDefaultPrivilegesStmt", "AlterRoleStmt", "CreateRoleStmt")
_POWERS = ("superuser", "bypassrls", "createrole", "isreplication")
_MIGHTY = re.compile(r"postgres|service_role|supabase_\w+|dashboard_user|pg_\w+")
_KINDS = {
    "TABLE": "", "SEQUENCE": "sequence", "SCHEMA": "schema", "FUNCTION": "function", "PROCEDURE": "procedure",
    "ROUTINE": "routine", "TYPE": "type", "DATABASE": "database",
}
_REACHED = {*OPEN_ROLES, "authenticator"}


_ALL = "Whoever uses the API passes row level security."


def statement(s: Statement) -> Iterator[Finding]:
    """GRANT to anon, authenticated or PUBLIC, membership in a role, and default rights for what comes later."""
    later = s.kind == "AlterDefaultPrivilegesStmt"
    node = s.node.get("action", {}) if later else s.node
    tags = RULE.tags if s.runs else ()
    if "RoleStmt" in s.kind and s.kind != "GrantRoleStmt":
        powers = [power for power in _POWERS if word(option(s.node.get("options"), power)) == "true"]
        if powers:
            said = f"Gives a role {' and '.join(powers).upper()}: policies no longer hold it."
            own = s.node["role"].get("rolename") if s.kind == "AlterRoleStmt" else ""
            yield RULE.at(s, said, tags=tags, level=Level.BLOCK if own in _REACHED else None,
                          effect=_ALL if own in _REACHED else "")
        return
    if s.kind == "GrantRoleStmt":
        if node.get("is_grant"):
            given = {str(one.get("priv_name", "")) for one in find(node.get("granted_roles"), "AccessPriv")}
            open_ = sorted(roles(node.get("grantee_roles")) & _REACHED) if any(map(_MIGHTY.fullmatch, given)) else []
            said = "Grants membership in a role, and with it all that the role may."
            yield RULE.at(s, said, tags=tags, level=Level.BLOCK if open_ else None, effect=_ALL if open_ else "")
        return
    to = sorted(roles(node.get("grantees")) & OPEN_ROLES)
    if not node.get("is_grant") or not to:
        if later:
            yield RULE.at(s, "Changes the rights that objects made later begin with.", tags=())
        return
    what = ", ".join(str(one.get("priv_name", "")).upper() for one in find(node, "AccessPriv")) or "ALL"
    where = f"on {'everything made later' if later else _on(node)}"
    who = " and ".join("PUBLIC" if one == "public" else one for one in to)
    yield RULE.at(
        s, f"Grants {what} {where} to {who}. {RULE.why}.", tags=tags, safe=_safe(node),
        effect=f"{who} {'has' if len(to) == 1 else 'have'} {what} {where} from then on.",
    )


def _on(node: Node) -> str:
    """What the rights are of, by name."""
    objects = node.get("objects", ())
    kind = _KINDS.get(str(node.get("objtype", "")).removeprefix("OBJECT_"), "")
    if node.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        return f"all {kind or 'table'}s in {', '.join(strings(objects))}"
    if relations := sorted(table(one) for one in find(objects, "RangeVar")):
        return f"{kind} {', '.join(relations)}".lstrip()
    called = [dotted(strings(one.get("objname"))) for one in find(objects, "ObjectWithArgs")]
    return f"the {kind or 'object'} {', '.join(called or strings(objects) or ['that it names'])}"


def _safe(node: Node) -> str:
    """What else has to hold the roles of the API."""
    relations = sorted(table(one) for one in find(node.get("objects", ()), "RangeVar"))
    if relations and str(node.get("objtype")) == "OBJECT_TABLE":
        return "\n".join(f"ALTER TABLE {quoted(one)} ENABLE ROW LEVEL SECURITY; -- and policies" for one in relations)
    return "-- only what the API is to reach, and to as few roles as need it"

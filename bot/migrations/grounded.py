"""What a finding is worth once the catalog of the database is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bot.domain.finding import Finding, Level
from bot.migrations.lint import rls_off, still_used, view_security
from bot.migrations.lint.drop_without_backup import RULE as DROPS
from bot.migrations.sql.rule import Analysis, Fact

if TYPE_CHECKING:
    from bot.domain.catalog import Key, Snapshot

ASKS = ("rename", "drop", "retype", "no-policy", "view", "since")
"""Facts for which a catalog is worth reading."""
_RENAMES = {"renaming-column", "renaming-table", "renaming-object", "ban-set-schema"}
_SIZED = re.compile(r"^(character varying|numeric)(?:\((\d+)(?:,(\d+))?\))?$")
_INVOKER = re.compile(r"^security_invoker=(on|true|1|yes)$", re.I)


def grounded(finding: Finding, one: Analysis, pending: Sequence[Analysis], catalog: Snapshot) -> Finding | None:
    """The finding as the catalog leaves it; None where there is nothing to say any more."""
    if finding.rule in _RENAMES:
        return _renamed(finding, one, pending, catalog)
    if finding.rule in ("changing-column-type", DROPS.name):
        return _dropped(_retyped(finding, one, catalog), one, pending, catalog)
    if finding.rule == view_security.RULE.name:
        return _view(finding, catalog)
    if finding.rule == rls_off.RULE.name and finding.level is Level.WARN:
        return _policy(finding, pending, catalog)
    return finding


def widened(old: str, new: str) -> bool:
    """Whether every value of the old type is one of the new, and no row has to be written or read for it."""
    was, now = _SIZED.match(old), _SIZED.match(new)
    if was is None or old == new:
        return False
    if was[1] == "character varying":
        if new == "text" or new == "character varying":
            return True
        return bool(now and now[1] == was[1] and was[2] and int(now[2]) >= int(was[2]))
    if now is None or now[1] != "numeric":
        return False
    if now[2] is None:
        return True
    return bool(was[2]) and int(now[2]) >= int(was[2]) and int(now[3] or 0) == int(was[3] or 0)


def _within(one: Analysis, line: int, kind: str) -> list[Fact]:
    """The facts of the statement in which a line stands."""
    for statement in one.named("statement"):
        if statement.line <= line <= int(statement.detail):
            return [fact for fact in one.named(kind) if statement.line <= fact.line <= int(statement.detail)]
    return []


def _renamed(finding: Finding, one: Analysis, pending: Sequence[Analysis], catalog: Snapshot) -> Finding:
    facts = _within(one, finding.line, "rename")
    settled = {fact.subject for each in pending for kind in ("drop", "rewritten") for fact in each.named(kind)}
    if not facts or any(True for fact in facts for _ in still_used.users(fact, catalog, settled)):
        return finding
    if not all(still_used.known(fact, catalog) for fact in facts):
        return finding
    effect = "Nothing in the database asks for the old name by text; views and policies follow. Code of the app may."
    return replace(finding, level=Level.WARN, effect=effect)


def _retyped(finding: Finding, one: Analysis, catalog: Snapshot) -> Finding:
    facts = [
        fact for fact in _within(one, finding.line, "retype")
        if finding.rule != DROPS.name or f"type of {fact.subject}," in finding.why
    ]
    if not facts or (finding.rule == DROPS.name and "type of" not in finding.why):
        return finding
    old = [str(catalog.objects.get(("column", fact.subject), {}).get("type", "")) for fact in facts]
    if not all(widened(was, fact.detail) for was, fact in zip(old, facts, strict=True)):
        return finding
    effect = f"{old[0]} → {facts[0].detail} only widens it: nothing is written anew, nothing is lost."
    return replace(finding, level=Level.NOTE, effect=effect, tags=(), weighs=False)


def _dropped(finding: Finding, one: Analysis, pending: Sequence[Analysis], catalog: Snapshot) -> Finding:
    """A table or column that is not there, and a column that is computed from others, hold nothing to lose."""
    if finding.rule != DROPS.name or any(each.named(kind) for each in pending for kind in ("rename", "search_path")):
        return finding
    for fact in _within(one, finding.line, "drop"):
        if fact.detail not in ("table", "column") or f"rops the {fact.detail} {fact.subject}." not in finding.why:
            continue
        made = (other for each in pending for kind in ("made", "table") for other in each.named(kind))
        if any(other.subject == fact.subject for other in made):
            continue
        own = _last(("", fact.subject), fact.detail)
        there = [key for key in catalog.of_kind(fact.detail) if _last(key, fact.detail) == own]
        if not there and ("schema", fact.subject.partition(".")[0]) in catalog.objects:
            return replace(finding, level=Level.NOTE, effect=f"{fact.subject} is not there: nothing is lost.", tags=())
        if there and all(catalog.objects[key].get("generated") for key in there):
            said = f"{fact.subject} is computed from other columns: nothing is lost."
            return replace(finding, level=Level.NOTE, effect=said, tags=())
    return finding


def _last(key: Key, kind: str) -> list[str]:
    """A name in whichever schema: where search_path leads, the words do not say."""
    return key[1].replace('"', "").split(".")[-2 if kind == "column" else -1:]


def _view(finding: Finding, catalog: Snapshot) -> Finding:
    """A view that leads round row level security as it did before is no worse than it was."""
    doc = catalog.objects.get(("view", finding.table))
    if doc is None or any(_INVOKER.match(option) for option in cast(list[str], doc.get("options") or [])):
        return finding
    return replace(finding, level=Level.NOTE, effect=f"{finding.effect} It was so before.".strip())


def _policy(finding: Finding, pending: Sequence[Analysis], catalog: Snapshot) -> Finding | None:
    """Whether the last policy of a table goes while row level security is on."""
    table = ("table", finding.table)
    has = [key for key in catalog.of_kind("policy") if table in catalog.parents.get(key, ())]
    gone = sum(fact.subject == finding.table for one in pending for fact in one.named("no-policy"))
    if table not in catalog.objects or not catalog.objects[table].get("rls") or len(has) > gone:
        return None
    said = f"The last policy of {finding.table} goes while row level security is on: nobody can read or write it."
    return replace(finding, level=Level.BLOCK, why=said)

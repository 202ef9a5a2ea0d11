"""Whether a plan needs a backup, of which tables, and what holds the data that it destroys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from bot.domain.backup import Backing
from bot.domain.finding import Tag
from bot.domain.migration import Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.errors import StagedoorError, Unreachable
from bot.evidence.linting import looked_at
from bot.migrations.checking import judge
from bot.migrations.splitter import decoded, split
from bot.policy.tables import Backups
from bot.ports import Shelves
from bot.world import Project

Table = tuple[str, str]

_MAY_REWRITE = ("UPDATE", "MERGE", "DELETE", "TRUNCATE", "WITH", "DO", "EXPLAIN", "INSERT", "SELECT", "CALL", "EXECUTE")
_REWRITES = re.compile(r"\b(?:update|merge\s+into|delete\s+from|truncate|call|execute)\b", re.I)


def why_needed(plan: Plan, lost: Iterable[str], policy: Backups, shelves: Shelves, now: datetime) -> str:
    """Why a backup is taken before this plan goes into production; nothing where none is."""
    if policy.when == "never" or plan.environment is not Environment.PRODUCTION or not plan.files:
        return ""
    if policy.when == "always":
        return "the policy asks for one before every promotion"
    if any(lost) or any(_destroys(file, shelves, now) for file in _files(plan, shelves)):
        return "the plan destroys or rewrites data"
    return ""


def only(plan: Plan, policy: Backups, shelves: Shelves, now: datetime) -> tuple[Table, ...]:
    """The tables that a backup is limited to: with `scope = "touched"` those of the plan's words; none: all of it.

    Where a file cannot be read, drops what has no table's name, or CASCADEs, it may reach anything: then all of it.
    """
    if policy.scope != "touched":
        return ()
    analyses = looked_at(_files(plan, shelves), shelves, now)
    found = [finding for finding in judge(analyses).findings if Tag.DESTRUCTIVE in finding.tags]
    reaches = any(re.search(rb"\bcascade\b", shelves.fetch(file.sha256), re.I) for file in plan.files)
    if reaches or not all(one.analysed for one in analyses) or not all(finding.table for finding in found):
        return ()
    named = {fact.subject for one in analyses for fact in one.named("statement") if fact.subject}
    named |= {finding.table for finding in found}
    parts = (name.partition(".") for name in sorted(named))
    return tuple((schema, name) for schema, _, name in parts)


def backing(
    plan: Plan, lost: Iterable[str], project: Project, shelves: Shelves, now: datetime,
) -> Backing | None:
    """Whether the backup that a plan needs can be taken now; None where it needs none."""
    why = why_needed(plan, lost, project.policy.backups, shelves, now)
    if not why:
        return None
    if project.backups is None:
        return Backing(why=why, trouble="This Stagedoor was started without anything that takes backups.")
    try:
        return Backing(why=why, said=project.backups.ready(project.policy.backups.proof))
    except Unreachable as silence:
        return Backing(why=why, trouble=str(silence), known=False)
    except StagedoorError as trouble:
        return Backing(why=why, trouble=str(trouble))


def holds(policy: Backups) -> str:
    """What will hold the data that a promotion destroys, in words; nothing where nothing will."""
    if policy.when == "never":
        return ""
    rows = ", and its rows are kept inside production besides" if policy.keep_rows else ""
    return f"A backup is taken and proven before it{rows}."


def _files(plan: Plan, shelves: Shelves) -> list[Migration]:
    return [
        Migration(version=file.version, name=file.name, filename=file.filename, content=shelves.fetch(file.sha256))
        for file in plan.files
    ]


def _destroys(file: Migration, shelves: Shelves, now: datetime) -> bool:
    """By the checks' findings; by the words where a file writes over rows; what cannot be read counts."""
    [analysis] = looked_at([file], shelves, now)
    if not analysis.analysed:
        return True
    if any(Tag.DESTRUCTIVE in finding.tags for finding in judge([analysis]).findings):
        return True
    return any(
        statement.first in _MAY_REWRITE and _REWRITES.search(statement.text)
        for statement in split(decoded(file.content))
    )

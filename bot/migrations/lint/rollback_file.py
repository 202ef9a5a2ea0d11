"""A rollback file speaks of everything that its migration makes, and could run as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Rule

RULE = Rule(
    name="rollback-file", level=Level.WARN,
    why="What the migration makes stays behind when it is taken back",
    effect="The proof on staging decides; until then nobody knows.",
    safe="DROP INDEX IF EXISTS public.books_title_idx; -- one for each thing that the migration makes",
)
JUDGED = frozenset({
    "encoding", "hidden-characters", "could-not-analyse", "psql-only", "empty-file", "transaction-control",
    "non-transactional", "secrets", "server-files", "syntax-error", "session-settings",
})
"""What is wrong in any file that runs. A way back takes away and opens by its nature; what else is said of a migration
would only be noise there."""
_WORD = re.compile(r"[\w$]+")


def with_back(migration: Analysis, back: Analysis, text: str) -> Iterator[Finding]:
    """What the rollback file is told: its own faults, and what it leaves behind."""
    yield from (replace(finding, tags=()) for finding in back.findings if finding.rule in JUDGED)
    words = {word.lower() for word in _WORD.findall(text)}
    gone = {fact.subject for fact in back.named("drop") if fact.detail in ("table", "view", "matview")}
    left = dict.fromkeys(
        f"{fact.detail} {fact.subject}" for fact in migration.named("made")
        if fact.subject.rpartition(".")[2].lower() not in words and fact.subject.rpartition(".")[0] not in gone
    )
    if left and back.analysed:
        names = [*left]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        said = f"It does not speak of {', '.join(names[:5])}{more}, which {migration.file.rpartition('/')[2]} makes."
        yield RULE.on(back.file, why=said)


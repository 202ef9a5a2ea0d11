"""The server that the file is for knows its syntax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Analysis, Rule

if TYPE_CHECKING:
    from bot.domain.catalog import Snapshot

RULE = Rule(
    name="newer-syntax", level=Level.BLOCK,
    why="It needs a newer Postgres than production runs",
    effect="Production refuses the file, however well it ran on a newer staging.",
    safe="SHOW server_version; -- on both; upgrade production first, or write it for the older one",
)


def on_ground(pending: Sequence[Analysis], catalog: Snapshot) -> Iterator[Finding]:
    """By what is known of each version's syntax; the parser itself reads that of Postgres 18."""
    for one in pending:
        for fact in one.named("since"):
            if int(fact.detail) > catalog.major:
                said = f"{fact.subject} came with Postgres {fact.detail}; this database runs {catalog.major}."
                yield RULE.on(one.file, fact.line, said)

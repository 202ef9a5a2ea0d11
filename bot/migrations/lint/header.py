"""The file begins with the runbook's header: what it is, from when, by whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source

RULE = Rule(
    name="header", level=Level.WARN,
    why="The header is what people read first, in the review and on the card",
    safe="-- Migration: What it does\n-- Date: 2026-11-01\n-- Author: Your Name",
)
_WANTED = tuple(
    (word, re.compile(rf"^[ \t]*(?:--|\*|/\*)[ \t]*{word}[ \t]*:[ \t]*\S", re.MULTILINE | re.IGNORECASE))
    for word in ("Migration", "Date", "Author")
)
_HEAD = 4096


def text(source: Source) -> Iterator[Finding]:
    """Each of the three lines stands among the comments."""
    head = source.text[:_HEAD]
    missing = [word for word, pattern in _WANTED if not pattern.search(head)]
    if missing:
        yield RULE.on(source.name, why=f"The header lacks {' and '.join(missing)}. {RULE.why}.")

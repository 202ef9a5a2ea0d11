"""Commands of psql are no SQL: nothing but psql understands them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source, Statement, Trouble

RULE = Rule(
    name="psql-only", level=Level.BLOCK, waivable=False,
    why="Only psql understands this; the runner sends SQL",
    effect="The migration would fail there.",
    safe="INSERT INTO public.books (title) VALUES ('…');",
)
KINDS = ("CopyStmt",)
_META = re.compile(r"^\s*\\[a-z!?]", re.IGNORECASE | re.MULTILINE)
_COPY = re.compile(r"^\\\.", re.MULTILINE)


def is_psql(words: str) -> bool:
    """Whether text that could not be parsed is for psql."""
    return bool(_META.search(words) or _COPY.search(words))


def troubled(source: Source, trouble: Trouble) -> Iterator[Finding]:
    """`\\echo`, `\\restrict`, the lines after COPY … FROM stdin."""
    if is_psql(trouble.text):
        yield RULE.on(source.name, trouble.line, why=f"{RULE.why}: a command that begins with a backslash.")


def statement(s: Statement) -> Iterator[Finding]:
    """COPY from or to the client."""
    if not s.node.get("filename") and not s.node.get("is_program"):
        yield RULE.at(s, f"COPY from or to the client. {RULE.why}.")

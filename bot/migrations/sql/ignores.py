"""Comments that ask for rules to be passed over: `-- stagedoor: ignore RULE because REASON`, and squawk's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.finding import Ignore
from bot.migrations.lexer import Kind, pieces
from bot.migrations.sql.rule import Source, Statement

_RULES = r"([\w-]+(?:\s*,\s*[\w-]+)*)"
_OURS = re.compile(rf"stagedoor\s*:\s*ignore\s+{_RULES}(?:\s+because\s+(\S.*?))?\s*(?:\*/)?\s*$", re.I | re.S)
_SQUAWK = re.compile(rf"squawk-ignore(-file)?(?:[\s:]+{_RULES})?", re.I)


def ignores(source: Source, statements: Sequence[Statement]) -> list[Ignore]:
    """Every such comment with the lines of the statement that it stands in, after on the same line, or before."""
    if not source.holds("stagedoor", "squawk-ignore"):
        return []
    found: list[Ignore] = []
    for piece in pieces(source.text):
        if piece.kind is not Kind.COMMENT:
            continue
        text = source.text[piece.start:piece.end]
        line = source.text.count("\n", 0, piece.start) + 1
        if ours := _OURS.search(text):
            reason = " ".join((ours[2] or "").split())
            found.append(Ignore(_split(ours[1]), line, *_lines(line, statements), reason))
        elif theirs := _SQUAWK.search(text):
            lines = (1, source.text.count("\n") + 1) if theirs[1] else _lines(line, statements)
            found.append(Ignore(_split(theirs[2] or "*"), line, *lines, "", squawk=True))
    return found


def _split(rules: str) -> tuple[str, ...]:
    return tuple(rule.strip().lower() for rule in rules.split(","))


def _lines(line: int, statements: Sequence[Statement]) -> tuple[int, int]:
    for statement in statements:
        if statement.inside:
            continue
        if statement.line <= line <= statement.last or statement.line > line:
            return statement.line, statement.last
    return line, line

"""The file is UTF-8 text that Postgres can read, of a length that people can."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source

RULE = Rule(
    name="encoding", level=Level.BLOCK, waivable=False,
    why="Postgres takes UTF-8 without NUL, and the CLI would store something else than what is written",
    effect="Letters would be garbled or the rest of the file lost.",
    safe="-- in the shell: iconv -f WINDOWS-1252 -t UTF-8 old.sql > new.sql",
)
LONGEST = 10 << 20
"""Bytes of a file that is still analysed."""


def unfit(name: str, raw: bytes) -> Finding | None:
    """Why these bytes cannot be looked at any further; None when they can."""
    if len(raw) > LONGEST:
        return RULE.on(
            name, why=f"It is over {LONGEST >> 20} MB, the most that is analysed: nobody can review so much.",
            effect="What it does would go in unseen.",
            safe="-- load rows from a script of its own, not from a migration",
        )
    if b"\0" in raw:
        return RULE.on(name, _line(raw, raw.index(b"\0")), why="There is a NUL byte, which Postgres cannot read.")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return RULE.on(name, _line(raw, error.start), why=f"This is not UTF-8. {RULE.why}.")
    return None


def text(source: Source) -> Iterator[Finding]:
    """No byte order mark either."""
    if source.text.startswith("\ufeff"):
        yield RULE.on(
            source.name, level=Level.WARN, why="It begins with a byte order mark, which not every tool reads over.",
        )


def _line(raw: bytes, place: int) -> int:
    return raw.count(b"\n", 0, place) + 1

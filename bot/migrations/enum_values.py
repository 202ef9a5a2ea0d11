"""A new value of an enum cannot be used before the transaction that adds it is over: found in a file's words."""

from __future__ import annotations

from collections.abc import Iterable

from bot.migrations.lexer import words
from bot.migrations.splitter import Statement

REMEDY = (
    "Postgres lets a new enum value be used only once the transaction that adds it is over (55P04). "
    "Leave ALTER TYPE … ADD VALUE in this file and move what uses the value into a file with a later version."
)


def used_too_early(statements: Iterable[Statement]) -> str | None:
    """Why the file would fail, if one of its statements adds an enum value that a later one works with.

    A value of a type that the same file makes may be used at once.
    """
    added: dict[str, int] = {}
    made: set[str] = set()
    for statement in statements:
        read = words(statement.text) if added or statement.first in ("ALTER", "CREATE") else []
        if read[:2] == ["CREATE", "TYPE"]:
            made.add(_type(read))
        elif read[:2] == ["ALTER", "TYPE"]:
            if "ADD" in read and _type(read) not in made:
                added |= dict.fromkeys(_values(read[read.index("ADD"):]), statement.line)
        elif statement.first != "COMMENT" and (used := added.keys() & set(read)):
            value = min(used)
            return f"Line {statement.line}: {value} was added to its type in line {added[value]}. {REMEDY}"
    return None


def _type(read: list[str]) -> str:
    """The name of a type without its schema."""
    at = 2
    while read[at + 1:at + 2] == ["."]:
        at += 2
    return read[at].strip('"').upper() if len(read) > at else ""


def _values(read: list[str]) -> list[str]:
    """`'calm'` of ADD VALUE [IF NOT EXISTS] 'calm' [AFTER 'happy']."""
    if read[1:2] != ["VALUE"]:
        return []
    at = 5 if read[2:5] == ["IF", "NOT", "EXISTS"] else 2
    return read[at:at + 1]

"""What a file destroys or opens up, read from its words: enough to know that more people have to approve it.

It reads keywords, not meaning, and errs towards asking: what looks destructive counts, also inside a DO block.
What a called function does, or dynamic SQL, it cannot see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.migrations.lexer import Kind, pieces
from bot.migrations.splitter import Statement, decoded, split

_OPEN_TO_ALL = r"(?: anon | authenticated | public )"
_RISKS = tuple((re.compile(pattern, re.VERBOSE), said) for pattern, said in (
    (r"^drop\ (?: table | schema | materialized\ view | database | type | domain | sequence | extension )\b",
     "drops {subject}"),
    (r"^truncate\b", "empties a table"),
    (r"\bdelete\ from\b", "deletes rows"),
    (r"^alter\ (?: foreign\ )? table\b.*\bdrop\ column\b", "drops a column"),
    (r"^alter\ (?: foreign\ )? table\b.*\bdrop\ (?!column\b|constraint\b|default\b|not\b|expression\b|identity\b|if\b)",
     "drops a column"),
    (r"^alter\ (?: foreign\ )? table\b.*\bdrop\ if\ exists\b", "drops a column"),
    (r"^alter\ table\b.*\balter\b.*\btype\b", "changes a column's type, which may cut its data"),
    (r"^update\b(?!.*\bwhere\b)", "overwrites every row of a table"),
    (rf"\bgrant\b.*\bto\b.*\b{_OPEN_TO_ALL}\b", "grants rights to anon, authenticated or PUBLIC"),
    (r"\b(?:disable|no\ force)\ row\ level\ security\b", "takes row level security off"),
))


def risks(content: bytes) -> tuple[str, ...]:
    """Sentences such as `drops a column (line 3)`, in the order of the file; none for a file that only adds."""
    return tuple(dict.fromkeys(
        f"{said} (line {statement.line})" for statement in split(decoded(content)) for said in _of(statement)
    ))


def _of(statement: Statement) -> Iterator[str]:
    words = _words(statement.text)
    if statement.first == "DO":
        # The body is a quoted text; its statements are read as if each began a line of its own.
        for part in re.split(r";|\bbegin\b|\bthen\b|\bloop\b|\belse\b", _inside(statement.text)):
            yield from (f"{said}, in a DO block" for said in _matching(_words(part)))
        return
    yield from _matching(words)


def _matching(words: str) -> Iterator[str]:
    for pattern, said in _RISKS:
        if found := pattern.search(words):
            yield said.format(subject=_subject(found[0]))


def _subject(words: str) -> str:
    what = words.removeprefix("drop ").strip()
    return f"an {what}" if what[:1] in "aeiou" else f"a {what}"


def _words(text: str) -> str:
    """The statement in lower case without comments, with a mark for each string or quoted name, on one line."""
    kept = [
        "q" if piece.kind is Kind.QUOTED else text[piece.start:piece.end]
        for piece in pieces(text) if piece.kind is not Kind.COMMENT
    ]
    return " ".join(" ".join(kept).lower().split())


def _inside(text: str) -> str:
    quoted = [text[piece.start:piece.end] for piece in pieces(text) if piece.kind is Kind.QUOTED]
    return max(quoted, key=len, default="").strip("$'").lower()

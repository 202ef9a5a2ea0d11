"""Splits a migration file into statements exactly as the Supabase CLI stores them in its history."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, wraps

from bot.migrations.lexer import Kind, pieces, tokens

# What JavaScript's trim() takes away; the CLI is written in it, and Python's strip() differs at the edges.
_SPACE = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
_MAY_BE_ATOMIC = re.compile("atomic", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One element of the history's `statements`.

    `line` is where its first token stands that is no comment (for comments alone: where they begin),
    `begins` the line of its first character. `first` is its first keyword in capitals, empty for comments alone.
    """

    text: str
    line: int
    begins: int
    first: str

    @property
    def comment_only(self) -> bool:
        return not self.first


def remembered(read: Callable[[bytes], tuple[Statement, ...]]) -> Callable[[bytes], tuple[Statement, ...]]:
    """Keeps what was read of a file: it is read at every look, and rarely changes. Huge ones would fill the memory."""
    small = lru_cache(maxsize=2048)(read)
    return wraps(read)(lambda content: small(content) if len(content) < _WORTH_REMEMBERING else read(content))


_WORTH_REMEMBERING = 1 << 16


@remembered
def statements(content: bytes) -> tuple[Statement, ...]:
    """The statements of a file; comments are kept."""
    return tuple(split(decoded(content)))


def decoded(content: bytes) -> str:
    """The file's text as the CLI reads it: without a byte order mark, and U+FFFD for what is not UTF-8."""
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def split(text: str) -> list[Statement]:
    """The statements of a file, in order, comments kept, without their `;` and the white space around them."""
    found: list[Statement] = []
    line, counted = 1, 0
    for start, end, first, place in _spans(text):
        element = text[start:end].rstrip(";").strip(_SPACE)
        if not element:
            continue
        begin = text.index(element[0], start)
        line += text.count("\n", counted, begin)
        counted = begin
        found.append(Statement(element, line + (text.count("\n", begin, place) if first else 0), line, first))
    return found


def _spans(text: str) -> Iterator[tuple[int, int, str, int]]:
    """Where each statement begins and ends (its `;` included), the first token that is no comment and its place.

    A `;` ends a statement unless it stands in parentheses or in the body of `BEGIN ATOMIC … END`.
    """
    body = _AtomicBody() if _MAY_BE_ATOMIC.search(text) else None
    start, depth = 0, 0
    first, place = "", 0
    for piece in pieces(text):
        if piece.kind is Kind.COMMENT:
            continue
        if not first:
            first, place = next(tokens(text, piece), ("", 0))
        if body:
            for word, _ in tokens(text, piece):
                body.read(word)
        if piece.kind is Kind.MARK and not (body and body.inside):
            mark = text[piece.start]
            if mark == ";" and not depth:
                yield start, piece.end, "" if first == ";" else first, place
                start, first = piece.end, ""
            depth = max(0, depth + {"(": 1, ")": -1}.get(mark, 0))
    yield start, len(text), first, place


class _AtomicBody:
    """Follows the words of a file to know when they stand in the body of a SQL function, `BEGIN ATOMIC … END`.

    The END that closes it is one that begins a statement of the body; the END of a CASE never does.
    """

    def __init__(self) -> None:
        self.inside = False
        self._previous = ""

    def read(self, word: str) -> None:
        if word == "ATOMIC" and self._previous == "BEGIN" and not self.inside:
            self.inside, word = True, ";"
        elif word == "END" and self._previous == ";":
            self.inside = False
        self._previous = word

"""Postgres' lexical rules, as far as needed to find statements and their keywords in a migration file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a piece of SQL is. Strings, quoted identifiers and dollar quotes are `QUOTED`: their inside is no SQL."""

    PLAIN = "plain"
    COMMENT = "comment"
    QUOTED = "quoted"
    BACKSLASH = "backslash"
    MARK = "mark"


class Piece(NamedTuple):
    """A part of the text, from `start` to just before `end`. The pieces of a text leave nothing out.

    `PLAIN` is a run of words, numbers, operators and white space; a `MARK` is one of `;`, `(` and `)`.
    """

    kind: Kind
    start: int
    end: int


# A word as Postgres sees it: everything beyond ASCII belongs to words, even what looks like white space.
# Its letters are said by what of ASCII is none: a class that reaches up to U+10FFFF takes long to compile.
_LETTER = r"[^\x00-@\[-^`{-\x7f]"
WORD = _LETTER + r"[^\x00-\#%-/:-@\[-^`{-\x7f]*+"
_TAG = _LETTER + r"[^\x00-/:-@\[-^`{-\x7f]*+"

_NUMBER = r"[0-9][A-Za-z0-9_.$]*+"
_OPERATORS = r"[\x00-\x20!\#%&*+,.:<=>?@\[\]^`{|}~\x7f]++ | /(?!\*) | -(?!-)"

# Possessive quantifiers keep hostile input linear. They stand on single characters alone: on groups, Python before
# 3.11.5 (Debian 12 has 3.11.2) matches them wrongly. A quote that is never closed runs to the end of the file, so
# whatever follows a group matches at once and nothing is tried twice.
_PIECE = re.compile(
    rf"""
      (?P<plain> (?: (?! [eE]' ) {WORD} | {_NUMBER} | {_OPERATORS} )+ )
    | (?P<mark> [;()] )
    | (?P<quoted>
          ' (?: [^']++ | '' )* (?: ' | \Z )
        | " (?: [^"]++ | "" )* (?: " | \Z )
        | [eE]' (?: [^'\\]++ | '' | \\. )* (?: ' | \\? \Z ) )
    | (?P<comment> --[^\r\n]*+ )
    | (?P<block> /\* )
    | (?P<dollar> \$ (?: {_TAG} )? \$ )
    | (?P<backslash> \\ (?: . | \Z ) )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_TOKEN = re.compile(rf"{WORD}|{_NUMBER}|\S")


def pieces(text: str) -> Iterator[Piece]:
    """The whole text, piece by piece."""
    position = 0
    while match := _PIECE.match(text, position):
        name, start, end = match.lastgroup, position, match.end()
        if name == "block":
            name, end = "comment", _end_of_block(text, start)
        elif name == "dollar":
            closing = text.find(match.group(), end)
            name, end = "quoted", len(text) if closing < 0 else closing + end - start
        yield Piece(_KINDS[name or ""], start, end)
        position = end


_KINDS = {**{str(kind): kind for kind in Kind}, "other": Kind.PLAIN}


def _end_of_block(text: str, start: int) -> int:
    """Block comments nest; one that is never closed runs to the end."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)


def tokens(text: str, piece: Piece) -> Iterator[tuple[str, int]]:
    """The words (in capitals), numbers and symbols of a piece with their places; what is quoted is one token."""
    if piece.kind is Kind.PLAIN:
        for match in _TOKEN.finditer(text, piece.start, piece.end):
            yield match.group().upper(), match.start()
    elif piece.kind is not Kind.COMMENT:
        yield text[piece.start:piece.end], piece.start


def words(text: str) -> list[str]:
    """All tokens of a text, without its comments."""
    return [word for piece in pieces(text) for word, _ in tokens(text, piece)]


def spelled(text: str) -> list[tuple[str, int]]:
    """The same tokens as they are written, each with its place."""
    found: list[tuple[str, int]] = []
    for piece in pieces(text):
        if piece.kind is Kind.PLAIN:
            found += [(match.group(), match.start()) for match in _TOKEN.finditer(text, piece.start, piece.end)]
        elif piece.kind is not Kind.COMMENT:
            found.append((text[piece.start:piece.end], piece.start))
    return found

"""Types that libpg_query refuses in a PL/pgSQL function, knowing no catalog: other schemas', and arrays of own ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.migrations.lexer import Kind, pieces, spelled

UNKNOWN = ("LookupExplicitNamespace", "type _record")
"""One of these stands in what it says when it meets such a type."""

Tokens = list[tuple[str, int]]


def at_home(text: str) -> str:
    """The same function with types that it takes: changed where they are declared, and nowhere in what runs."""
    parts = [
        _body(written) if piece.kind is Kind.QUOTED else written
        for piece in pieces(text) for written in [text[piece.start:piece.end]]
    ]
    return _changed("".join(parts), _header)


def _body(written: str) -> str:
    """What is quoted may be the body, between apostrophes or dollars; a name in double quotes stays."""
    quote = "'" if written[0] == "'" else written[:written.find("$", 1) + 1] if written[0] == "$" else ""
    inner = written[len(quote):len(written) - len(quote)]
    return f"{quote}{_changed(inner, _declarations)}{quote}" if quote and inner else written


def _header(tokens: Tokens) -> Iterator[int]:
    """Every name: beside its body a function has names, types and defaults."""
    return (at for at in range(len(tokens)) if at == 0 or tokens[at - 1][0] != ".")


def _declarations(tokens: Tokens) -> Iterator[int]:
    """The types between DECLARE and BEGIN, each right after its variable's name."""
    declaring = False
    for place, (token, _) in enumerate(tokens):
        low = token.lower()
        declaring = low == "declare" or (declaring and low != "begin")
        if declaring and low in ("declare", ";"):
            ahead = [word.lower() for word, _ in tokens[place + 1:place + 3]]
            if ahead[:1] != ["begin"]:
                yield place + (3 if ahead[1:] == ["constant"] else 2)


def _changed(text: str, places: Callable[[Tokens], Iterator[int]]) -> str:
    """`schema.name` is taken for public's, and the element of an array for text."""
    tokens = spelled(text)
    for at in reversed([*places(tokens)]):
        words = [token for token, _ in tokens[at:at + 12]]
        if not words or not _name(words[0]):
            continue
        two = words[1:2] == ["."] and _name("".join(words[2:3]))
        after = words[3:] if two else words[1:]
        begin, last = tokens[at][1], tokens[at + 2] if two else tokens[at]
        if _array(after):
            text = f"{text[:begin]}text{text[last[1] + len(last[0]):]}"
        elif two and after[:1] not in (["."], ["%"]):
            text = f"{text[:begin]}public{text[begin + len(words[0]):]}"
    return text


def _array(after: list[str]) -> bool:
    """`[]` follows, or a size and then `[]`."""
    if after[:1] == ["("] and ")" in after:
        after = after[after.index(")") + 1:]
    return after[:1] == ["["]


def _name(token: str) -> bool:
    return token[:1] in ('"', "_") or token[:1].isalpha()

"""Which rows a statement destroys, read from its words: of which table, which columns, and which rows of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bot.migrations.lexer import WORD, Kind, pieces

_WORD = re.compile(rf"{WORD}|[^\s]")
_INSIDE = re.compile(
    r'\b(?:(delete)\s+from|(update)(?!\s+of\b)|(drop)\s+table(?:\s+if\s+exists)?|(truncate)(?:\s+table)?)\s+(?:only\s+)?'
    r'((?:"[^"]+"|[a-z_][\w$]*)(?:\s*\.\s*(?:"[^"]+"|[a-z_][\w$]*))?)', re.I,
)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What goes with a statement. `rows` is the FROM and WHERE that meet just those rows; empty: all of the table."""

    table: str
    why: str
    columns: tuple[str, ...] = ()
    """The columns that change or go; none: the whole row."""
    rows: str = ""
    alias: str = ""
    cascades: bool = False
    exact: bool = False
    """Its condition is about each row by itself: while nobody changes them, it meets the very same rows again."""


_STEADY = {
    "WHERE", "AND", "OR", "NOT", "IN", "ANY", "ALL", "SOME", "BETWEEN", "LIKE", "ILIKE", "ROW", "CAST", "COALESCE",
    "NULLIF", "LOWER", "UPPER", "LENGTH", "TRIM", "BTRIM", "ABS", "NOW", "DATE_TRUNC", "DATE_PART", "EXTRACT",
    "SUBSTRING", "LEFT", "RIGHT", "CONCAT", "GREATEST", "LEAST", "ROUND", "MAKE_INTERVAL", "CASE", "WHEN", "THEN",
    "ELSE",
}
"""Words that may stand before a bracket: none of them changes its mind within a transaction."""


DESTROYERS = {"DROP", "TRUNCATE", "ALTER", "DELETE", "UPDATE", "WITH", "DO", "MERGE", "EXPLAIN", "INSERT"}
"""How every statement begins of which `losses` may say something."""


class Token(NamedTuple):
    """A word, a quoted name or a single character, where it stands, and how many brackets are open there."""

    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        return self.text.upper()


def losses(sql: str) -> tuple[Loss, ...]:
    """What one statement destroys, as far as its own words tell. What a function does inside, they do not."""
    tokens = _tokens(sql)
    words = [token.word for token in tokens[:3]]
    if words[:2] == ["DROP", "TABLE"]:
        return tuple(_named(tokens, 2, "drop table"))
    if words[:1] == ["TRUNCATE"]:
        return tuple(_named(tokens, 1, "truncate"))
    if words[:2] == ["ALTER", "TABLE"]:
        return tuple(_altered(tokens))
    if words[:2] == ["DELETE", "FROM"]:
        return (_deleted(sql, tokens),)
    if words[:1] == ["UPDATE"]:
        return (_updated(sql, tokens),)
    if words[:1] in (["WITH"], ["DO"], ["MERGE"], ["EXPLAIN"], ["INSERT"]):
        return tuple(_inside(sql, tokens))
    return ()


def _tokens(sql: str) -> list[Token]:
    found, depth = list[Token](), 0
    for piece in pieces(sql):
        text = sql[piece.start:piece.end]
        if piece.kind is Kind.MARK:
            depth += {"(": 1, ")": -1}.get(text, 0)
        elif piece.kind is Kind.QUOTED and text.startswith('"'):
            found.append(Token(text, piece.start, piece.end, depth))
        elif piece.kind is Kind.PLAIN:
            found += [
                Token(match[0], piece.start + match.start(), piece.start + match.end(), depth)
                for match in _WORD.finditer(text)
            ]
        elif piece.kind is not Kind.COMMENT:
            found.append(Token("'", piece.start, piece.end, depth))
    return found


def _name(tokens: list[Token], at: int) -> tuple[str, int]:
    """A name as it is written, and the place after it."""
    parts = [tokens[at].text] if at < len(tokens) else []
    at += 1
    while at + 1 < len(tokens) and tokens[at].text == ".":
        parts.append(tokens[at + 1].text)
        at += 2
    return ".".join(parts), at


def _skipped(tokens: list[Token], at: int, *words: str) -> int:
    while at < len(tokens) and tokens[at].word in words:
        at += 1
    return at


def _named(tokens: list[Token], at: int, why: str) -> Iterator[Loss]:
    """DROP TABLE and TRUNCATE: names with commas between."""
    cascades = any(token.word == "CASCADE" for token in tokens)
    at = _skipped(tokens, at, "TABLE", "IF", "EXISTS", "ONLY")
    while at < len(tokens):
        table, at = _name(tokens, at)
        yield Loss(table=table, why=why, cascades=cascades and why == "truncate")
        at = _skipped(tokens, at, "*")
        if at >= len(tokens) or tokens[at].text != ",":
            return
        at = _skipped(tokens, at + 1, "ONLY")


def _altered(tokens: list[Token]) -> Iterator[Loss]:
    table, at = _name(tokens, _skipped(tokens, 2, "IF", "EXISTS", "ONLY"))
    gone, changed = list[str](), list[str]()
    for place in range(at, len(tokens)):
        if tokens[place].depth or not (place == at or tokens[place - 1].text in (",", "*")):
            continue
        if tokens[place].word == "DROP":
            column = _skipped(tokens, place + 1, "COLUMN")
            if tokens[column].word == "CONSTRAINT":
                continue
            gone.append(_plain(tokens[_skipped(tokens, column, "IF", "EXISTS")].text))
        elif tokens[place].word == "ALTER":
            column = _skipped(tokens, place + 1, "COLUMN")
            after = [token.word for token in tokens[column + 1:column + 4]]
            if after[:1] == ["TYPE"] or after == ["SET", "DATA", "TYPE"]:
                changed.append(_plain(tokens[column].text))
    if gone:
        yield Loss(table=table, why="drop column", columns=tuple(gone))
    if changed:
        yield Loss(table=table, why="change type", columns=tuple(changed))


def _deleted(sql: str, tokens: list[Token]) -> Loss:
    table, _ = _name(tokens, _skipped(tokens, 2, "ONLY"))
    places = _places(tokens, 2, "USING", "WHERE", "RETURNING")
    end = places.get("RETURNING", len(sql))
    where = places.get("WHERE", end)
    using = places.get("USING", where)
    target = sql[tokens[2].start:min(using, where)].strip()
    also = f", {sql[using + 5:where].strip()}" if using < where else ""
    return Loss(
        table=table, why="delete", cascades=True, exact=using == where and _by_itself(sql[where:end]),
        alias=_alias(tokens, 2, min(using, where)),
        rows=f"from {target}{also} {sql[where:end]}",
    )


def _updated(sql: str, tokens: list[Token]) -> Loss:
    table, _ = _name(tokens, _skipped(tokens, 1, "ONLY"))
    places = _places(tokens, 1, "SET", "FROM", "WHERE", "RETURNING")
    end = places.get("RETURNING", len(sql))
    where = places.get("WHERE", end)
    from_ = places.get("FROM", where)
    set_ = places.get("SET", from_)
    target = sql[tokens[1].start:set_].strip()
    also = f", {sql[from_ + 4:where].strip()}" if from_ < where else ""
    changed = [token for token in tokens if set_ < token.start < min(from_, where, end) and token.depth == 0]
    columns = [
        _plain(token.text) for before, token, after in zip(changed, changed[1:], changed[2:], strict=False)
        if before.text in (",", ) and after.text == "="
    ]
    if len(changed) > 1 and changed[1].text == "=":
        columns.insert(0, _plain(changed[0].text))
    simple = bool(columns) and not sql[set_ + 3:min(from_, where, end)].lstrip().startswith("(")
    several = re.search(r",\s*\(", sql[set_:min(from_, where, end)]) is not None
    return Loss(
        table=table, why="update", exact=from_ == where and _by_itself(sql[where:end]),
        alias=_alias(tokens, 1, set_), rows=f"from {target}{also} {sql[where:end]}",
        columns=tuple(columns) if simple and not several else (),
    )


def _by_itself(condition: str) -> bool:
    """Whether a condition, if there is one, looks at nothing but a row's own columns: no other table, no function that
    may answer otherwise when it is asked again."""
    tokens = _tokens(condition)
    if not tokens or any(token.word in ("SELECT", "TABLE", "VALUES", "CURRENT") for token in tokens):
        return False
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        called = condition[token.end:].lstrip().startswith(("(", "/*", "--")) and token.text[-1] not in "=<>+-*/,'~"
        if called and (token.word not in _STEADY or before.text == "."):
            return False
    return True


def _places(tokens: list[Token], at: int, *wanted: str) -> dict[str, int]:
    """Where each of these words first stands outside of brackets, in this order."""
    found: dict[str, int] = {}
    for before, token in zip(tokens[at - 1:], tokens[at:], strict=False):
        if token.depth or token.word not in wanted or token.word in found or before.text == ".":
            continue
        if token.word == "FROM" and before.word == "DISTINCT":
            continue
        if any(later in found for later in wanted[wanted.index(token.word) + 1:]):
            continue
        found[token.word] = token.start
    return found


def _alias(tokens: list[Token], at: int, end: int) -> str:
    """By what the rows of the target go: its alias, else its own name."""
    name, after = _name(tokens, _skipped(tokens, at, "ONLY"))
    rest = [token for token in tokens[after:] if token.start < end and token.text != "*" and token.word != "AS"]
    return rest[0].text if rest else name.rpartition(".")[2] if not name.endswith('"') else _last(name)


def _last(name: str) -> str:
    return '"' + name.rstrip('"').rpartition('"')[2] + '"'


def _inside(sql: str, tokens: list[Token]) -> Iterator[Loss]:
    """Statements within others, whose rows cannot be told from outside: their whole tables."""
    whole = tokens[0].word == "DO"
    text = sql if whole else " ".join(token.text for token in tokens)
    if tokens[0].word == "MERGE":
        name, _ = _name(tokens, _skipped(tokens, 1, "INTO", "ONLY"))
        yield Loss(table=name, why="merge")
    if tokens[0].word == "INSERT":
        name, _ = _name(tokens, _skipped(tokens, 1, "INTO"))
        if re.search(r"\bon\s+conflict\b.*\bdo\s+update\b", text, re.I | re.S):
            yield Loss(table=name, why="update")
        return
    for match in _INSIDE.finditer(text):
        verb = next(word for word in match.groups()[:4] if word).lower()
        if match[5].upper() not in ("SET", "OF"):
            why = {"drop": "drop table"}.get(verb, verb)
            yield Loss(table=re.sub(r"\s+", "", match[5]), why=why, cascades=verb in ("delete", "truncate"))


def _plain(name: str) -> str:
    """A name without its quotes; without any it is folded to small letters, as Postgres does."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()

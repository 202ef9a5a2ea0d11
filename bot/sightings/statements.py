"""SQL that was logged: its shape without literals, and the tables it names; read by our own tokeniser alone.

Logged SQL is hostile: whoever may ask the database anything writes it. libpg_query never sees it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.migrations.lexer import Kind, pieces, tokens
from bot.sightings.masking import LONGEST, MASK

READ = 20_000
"""Characters of a statement that are looked at."""
MOST_TOKENS = 2_000
MOST_TABLES = 20

_LIST = re.compile(r"\? (?:, \? )+")
_ROWS = re.compile(r"\( \? \) (?:, \( \? \) )+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
_LONG_NUMBER = re.compile(r"\d{3,}")
_BEFORE_TABLE = frozenset({"FROM", "JOIN", "UPDATE", "INTO", "TABLE"})
_NOT_A_TABLE = frozenset({"SELECT", "ONLY", "LATERAL", "VALUES", "SET", "IF", "(", "?", "NOT", "EXISTS", "UNNEST"})


@lru_cache(maxsize=2048)
def shape(sql: str) -> str:
    """The statement with `?` for each literal or list of them, in small letters, without comments."""
    text = " ".join(_symbols(sql)) + " "
    text = _ROWS.sub("( ? ) ", _LIST.sub("? ", text)).strip().rstrip(";").strip()
    return text.lower()


def shown(sql: str) -> str:
    """The shape as a card can hold it."""
    text = shape(sql).replace(" ( ", "(").replace(" )", ")").replace(" ,", ",").replace(" . ", ".").replace(" ;", ";")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + MASK


@lru_cache(maxsize=2048)
def tables(sql: str) -> tuple[str, ...]:
    """The last parts of names that stand where a table stands, in small letters."""
    found: dict[str, None] = {}
    symbols = _symbols(sql)
    for number, symbol in enumerate(symbols):
        if symbol in _BEFORE_TABLE:
            at = number + 1
            while at < len(symbols) and symbols[at] in ("ONLY", "IF", "NOT", "EXISTS"):
                at += 1
            while at + 2 < len(symbols) and symbols[at + 1] == ".":
                at += 2
            if at < len(symbols) and _NAME.fullmatch(name := symbols[at].strip('"')) and name not in _NOT_A_TABLE:
                found[name.lower()] = None
    return tuple(found)[:MOST_TABLES]


@lru_cache(maxsize=512)
def _symbols(sql: str) -> tuple[str, ...]:
    text, found = sql[:READ], list[str]()
    for piece in pieces(text):
        if piece.kind is Kind.COMMENT:
            continue
        if piece.kind is Kind.QUOTED:
            found.append(_quoted(text[piece.start:piece.end]))
        else:
            found += [_symbol(symbol) for symbol, _ in tokens(text, piece)]
        if len(found) >= MOST_TOKENS:
            break
    return tuple(_parameters(found))


def _quoted(text: str) -> str:
    if text.startswith('"'):
        return _LONG_NUMBER.sub("#", text) if _NAME.fullmatch(text.strip('"')) else '"' + MASK + '"'
    return "?"


def _symbol(symbol: str) -> str:
    return "?" if symbol[0].isdigit() else _LONG_NUMBER.sub("#", symbol)


def _parameters(symbols: list[str]) -> list[str]:
    """`$1`, which the tokeniser takes for two, is a literal as well; so is a number with its sign."""
    found: list[str] = []
    for symbol in symbols:
        sign = len(found) > 1 and found[-1] in "+-" and found[-2] in "(,=<>"
        if symbol == "?" and found and (sign or found[-1] == "$"):
            found.pop()
        found.append(symbol)
    return found

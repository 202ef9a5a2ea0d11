"""What Postgres says: a message's template, which keeps the names of things and loses every value, and the names."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.sightings.masking import MASK, READ, known, plain, tidy, without_literals

_KINDS = (
    r"relation|table|view|index|sequence|column|columns|constraint|function|procedure|routine|aggregate|operator|type|"
    r"schema|extension|trigger|policy|publication|subscription|language|rule|domain|collation|parameter|option|server|"
    r"attribute|tablespace|statistics object|access method|range|domain constraint|event trigger|wrapper|method|"
    r"configuration|dictionary|parser|template|conversion|large object|key|storage|privilege type|"
    r"operator class|operator family|window|query|setting|encoding|role|reference|enum|for enum|argument named"
)
_NAMED = re.compile(
    rf'(?P<kind>\b(?:{_KINDS})(?:\sfor)?\s)"(?P<name>[^"]*)"'
    r'|(?P<near>\bnear\s)"(?P<token>.*)"'
    r'|(?P<colon>:\s)"(?P<value>.*)"(?=[^"]*\Z)'
    r'|(?P<open>\A)"(?P<first>[^"]*)"'
    r'(?=\s(?:has|cannot|is\s(?:not\s)?(?:an?\s)?(?:table|view|sequence|index|materialized|foreign|partition|composite|'
    r'base|domain|column|function|procedure|aggregate|enum|type|already|ambiguous))\b)'
    r'|(?P<other>"[^"]*+(?:"|\Z))',
    re.DOTALL,
)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w$]{0,62}(?:\.[A-Za-z_][\w$]{0,62})?")
_SIGN = re.compile(r"[^\w\s'\"]{1,2}")
_THING = re.compile(rf"{_KINDS}|for")
_SIGNED = re.compile(r"[A-Za-z_][\w$.]*+(?:\([\w,\[\]]*+\)?)?[,:;]?")
_DIGITS = re.compile(r"\d{3,}")
_BEYOND = re.compile(r"\n(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):")
_CALLED = re.compile(
    r'\b(?:relation|table|view|index|sequence|column|constraint|function|procedure|schema|trigger|type|policy|'
    r'materialized view|foreign table|domain|extension)\s(?:for\s)?'
    r'(?:"(?P<quoted>[^"]{1,140})"|(?P<bare>[A-Za-z_][\w$]{0,62}(?:\.[A-Za-z_][\w$]{0,62}){0,2})(?=\(|\s|\Z))',
)
_WORDS = frozenset({"does", "is", "of", "for", "in", "with", "to", "must", "cannot", "not", "already", "named", "has"})
_FREE = frozenset({"P0001", "P0000"})
"""What a function of the user's raises; the text is the user's own."""
_WHO = re.compile(r'\b(user|role|database|for user|for role) "[^"]*"')
_KEYWORDS = frozenset((
    "ADD", "ALL", "ALTER", "ANALYZE", "AND", "ANY", "ARRAY", "AS", "ASC", "BEGIN", "BETWEEN", "BY", "CASCADE",
    "CASE", "CAST", "CHECK", "COLLATE", "COLUMN", "COMMIT", "CONFLICT", "CONSTRAINT", "COPY", "CREATE", "CROSS",
    "CURRENT_DATE", "DEFAULT", "DELETE", "DESC", "DISTINCT", "DO", "DROP", "ELSE", "END", "EXCEPT", "EXECUTE",
    "EXISTS", "FALSE", "FETCH", "FOR", "FOREIGN", "FROM", "FULL", "FUNCTION", "GRANT", "GROUP", "HAVING", "IF",
    "ILIKE", "IN", "INDEX", "INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "KEY", "LATERAL", "LEFT", "LIKE",
    "LIMIT", "LOCK", "NATURAL", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION",
    "POLICY", "PRIMARY", "REFERENCES", "RETURNING", "REVOKE", "RIGHT", "ROLLBACK", "SELECT", "SET", "TABLE", "THEN",
    "TO", "TRIGGER", "TRUE", "UNION", "UNIQUE", "UPDATE", "USING", "VALUES", "VIEW", "WHEN", "WHERE", "WINDOW",
    "WITH",
))


@lru_cache(maxsize=4096)
def template(sqlstate: str, message: str) -> str:
    """What may be shown of a message, the same for every set of values in it."""
    text = message[:READ]
    if beyond := _BEYOND.search(text):
        text = text[: beyond.start()]
    if sqlstate in _FREE or not _ours(sqlstate):
        return plain(text)
    if sqlstate[:2] in ("28", "3D"):
        text = _WHO.sub(rf'\1 "{MASK}"', text)
    return tidy(_DIGITS.sub(MASK, _worded(without_literals(_NAMED.sub(_kept, text)))))


@lru_cache(maxsize=4096)
def named(message: str) -> tuple[str, ...]:
    """The tables, columns, functions and constraints of a message, in small letters; of `public.books` both parts."""
    found: dict[str, None] = {}
    for match in _CALLED.finditer(message[:READ]):
        name = match["quoted"] or match["bare"]
        for part in name.lower().split("."):
            if _IDENTIFIER.fullmatch(part) and part not in _WORDS:
                found[part] = None
    return tuple(found)


def _worded(text: str) -> str:
    """What is neither a word of the vocabulary nor the name of a thing is a value after all: users raise texts too."""
    words = text.split()
    return " ".join(
        word if '"' in word or known(word) or (_THING.fullmatch(before) and _SIGNED.fullmatch(word)) else MASK
        for before, word in zip(["", *words], words, strict=False)
    )


def _ours(sqlstate: str) -> bool:
    """Whether it is a state that the server itself gives: users raise their own as well."""
    return len(sqlstate) == 5 and (sqlstate[0] in "0123456789FX" or sqlstate[:2] in ("HV", "P0", "XX"))


def _kept(match: re.Match[str]) -> str:
    if match["kind"]:
        return f'{match["kind"]}"{_name(match["name"])}"'
    if match["near"]:
        token = match["token"]
        shows = token.upper() in _KEYWORDS or _SIGN.fullmatch(token)
        return f'near "{token.upper() if shows else MASK}"'
    if match["first"] is not None:
        return f'"{_name(match["first"])}"'
    return f': "{MASK}"' if match["colon"] else f'"{MASK}"'


def _name(text: str) -> str:
    return text if _IDENTIFIER.fullmatch(text) else MASK

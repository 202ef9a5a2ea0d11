"""Text without its literals: what is left may be shown to a channel, and is the same for the same fault."""

from __future__ import annotations

import re

from bot.sightings.vocabulary import vocabulary

MASK = "…"
LONGEST = 240
"""Characters of a template."""
READ = 2000
"""Characters of a message that are looked at: what follows is data."""

# No pattern may scan far and then fail: each consumes what it scanned, or is bounded, which keeps hostile text linear.
_LITERAL = re.compile(
    r"""
      [A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s"'<>]*+                                   # an address
    | [^\s@"'<>(),:;=]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}        # a mail address
    | \b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b
    | \\x[0-9a-fA-F]*+
    | \b0x[0-9a-fA-F]++
    | \beyJ[\w.-]*+
    | (?<![\w.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])
    | '(?:[^'\\]|\\.|'')*+(?:'|\Z) (?<!\w')
    | `[^`]*+(?:`|\Z)
    | (?<![\w])[+-]?\d++(?:[.,:/TZ+-]{1,2}\d++)*(?:[eE][+-]?\d++)?(?:%|\b)?
    """,
    re.VERBOSE | re.DOTALL,
)
_DOUBLE = re.compile(r'"[^"]*+(?:"|\Z)')
_PARTS = re.compile(r"[\w']+")
_AGAIN = re.compile(rf"{MASK}(?:[\s,;:()\[\]{{}}&/|.-]*{MASK})+")
_SPACE = re.compile(r"\s+")
_USUAL = frozenset((
    "API", "RLS", "JWT", "SQL", "JSON", "HTTP", "HTTPS", "URL", "URI", "UUID", "ID", "SSL", "TLS", "DNS", "CORS", "NOT",
    "NULL", "SELECT", "INSERT", "UPDATE", "DELETE", "Error", "TypeError", "RangeError", "ReferenceError", "SyntaxError",
    "PostgREST", "Postgres", "GoTrue", "I",
))


def without_literals(text: str) -> str:
    """Numbers, addresses, identifiers of things and single-quoted strings masked; words and double quotes stay."""
    return _LITERAL.sub(MASK, text)


def plain(text: str) -> str:
    """The template of text that anybody may have written, as an exception's: only words of the vocabulary stay.

    They must be in small letters, but for the first of a sentence: with a capital, `Mark` and `Bill` are names.
    """
    words = _LITERAL.sub(MASK, _DOUBLE.sub(MASK, text[:READ])).split()
    return tidy(" ".join(
        word if _shows(word, first=before[-1] in ".!>" or before == MASK + ":") else MASK
        for before, word in zip([">", *words], words, strict=False)
    ))


def known(word: str) -> bool:
    """Whether it is a word of the vocabulary, or a sign, whatever its case and what stands around it."""
    return word.isprintable() and all(part in vocabulary() for part in _PARTS.findall(word.lower()))


def tidy(template: str) -> str:
    """White space and masks in a row made one, and the whole cut to what a card can hold."""
    template = _AGAIN.sub(MASK, _SPACE.sub(" ", template).strip())
    return template if len(template) <= LONGEST else template[: LONGEST - 1] + MASK


def _shows(word: str, *, first: bool) -> bool:
    bare = word.strip("()[]{}.,:;!?")
    return bare in _USUAL or (known(bare) and (bare == bare.lower() or (first and bare[1:] == bare[1:].lower())))

"""Search: a text's words in the order in which they stand, and what finds them. The server's own parser is passed by:
it takes `20260301_add_region` or an address for one word, of which nobody could find the middle."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")

LENGTH: Final = 500
"""Characters of a word that count: a lexeme may have 2,046 bytes."""

PART: Final = 256
"""Words to a row: as many places of one word Postgres remembers in a row."""

OVERLAP: Final = 32
"""Words that a row shares with the one before it, so that a phrase across their border is found."""


def words(text: str) -> list[str]:
    """The words without case and accents: letters and digits count, everything else parts them."""
    plain = unicodedata.normalize("NFD", text.casefold())
    return [word[:LENGTH] for word in _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))]


def rows(text: str) -> Iterator[tuple[int, str]]:
    """The parts of a text as number and tsvector; nothing for a text without words."""
    found = words(text)
    for part, first in enumerate(range(0, max(len(found) - OVERLAP, 1), PART - OVERLAP)):
        if some := found[first:first + PART]:
            yield part, " ".join(f"'{word}':{place}" for place, word in enumerate(some, 1))


def query(typed: str) -> str:
    """The tsquery for one typed word: its parts one after the other, the last by its beginning; "" for none."""
    parts = words(typed)[:OVERLAP]
    return " <-> ".join(f"'{part}'" for part in parts) + ":*" if parts else ""

"""What is read is what runs: no character turns the reading direction or hides."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.domain.finding import Finding, Level
from bot.migrations.sql.rule import Rule, Source

RULE = Rule(
    name="hidden-characters", level=Level.BLOCK, waivable=False,
    why="Bidirectional and zero-width characters make a reviewer read other SQL than what runs",
    effect="An approval would be for what nobody saw.",
    safe="-- write the character by its number instead: U&'\\200B'",
)
_HIDDEN = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u180e\U000e0000-\U000e007f]")


_EMOJI = ("So", "Sk", "Mn")
"""Symbols, the colours of their skin, and what makes a sign a picture: between them a joiner is seen as one picture."""


def text(source: Source) -> Iterator[Finding]:
    """The first such character of each line; a byte order mark at the very start is none."""
    if source.text.isascii():
        return
    for number, line in enumerate(source.text.removeprefix("\ufeff").split("\n"), 1):
        if found := next((one for one in _HIDDEN.finditer(line) if not _joins(line, one.start())), None):
            name = unicodedata.name(found[0], "TAG CHARACTER")
            yield RULE.on(source.name, number, why=f"There is a {name} (U+{ord(found[0]):04X}) here. {RULE.why}.")


def _joins(line: str, place: int) -> bool:
    """Whether it is what makes one picture of two."""
    beside = line[max(place - 1, 0):place] + line[place + 1:place + 2]
    return line[place] == "\u200d" and len(beside) == 2 and all(
        unicodedata.category(one) in _EMOJI and ord(one) > 0x2000 for one in beside
    )

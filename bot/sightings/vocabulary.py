"""Words that may be shown: those of Postgres' own messages, and of the errors that applications tell.

Whatever else stands in a message may be somebody's name. `vocabulary.txt` holds them, one a line, in small letters.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def vocabulary() -> frozenset[str]:
    """Read once."""
    return frozenset(files("bot.sightings").joinpath("vocabulary.txt").read_text(encoding="utf-8").split())

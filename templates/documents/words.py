"""Plain text inside a document: escaped for Markdown, people by name, moments in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.entry import SYSTEM
from templates.text import clean, one_line

_PERSON = re.compile(r"@?\b([UW][A-Z0-9]{6,30})\b")
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"^(#{1,6}(?=\s|$)|[-+=](?=[\s\-+=]|$)|\d{1,9}[.)](?=\s|$))")
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=\w)")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def markdown(value: object) -> Markdown:
    """One line of plain text as Markdown that shows just this text: no markup, no mention, no link, no HTML."""
    if isinstance(value, Markdown):
        return value
    text = one_line(str(value))
    text = _SPECIAL.sub(lambda found: f"\\{found[0]}", _entities(text))
    text = _MENTION.sub("@\u2060", text)     # a word joiner, so that a document calls nobody
    return Markdown(_AT_START.sub(_defused, text))


def paragraphs(value: str) -> Markdown:
    """Text of several lines: each stays a line of its own, and empty ones part paragraphs."""
    rows = [markdown(row) for row in clean(value).split("\n")]
    following = [*rows[1:], ""]
    return Markdown("\n".join(f"{row}  " if row and after else row for row, after in zip(rows, following, strict=True)))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _defused(found: re.Match[str]) -> str:
    start = found[0]
    return f"{start[:-1]}\\{start[-1]}" if start[0].isdigit() else f"\\{start}"


def named(text: str, names: Mapping[str, str]) -> str:
    """The text with people's names in place of their ids; an id that nobody knows stays as it is."""
    return _PERSON.sub(lambda found: names.get(found[1], found[1]), text)


def who(actor: str, names: Mapping[str, str]) -> str:
    """One actor: a person by name, the program by its own."""
    return "Stagedoor" if actor == SYSTEM else named(actor, names)


def moment(at: datetime) -> str:
    """`2026-11-23 14:05 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def second(at: datetime) -> str:
    """The same to the second, for timelines."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `1 h 5 min`, `40 s`."""
    seconds = int(length.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    said = [f"{count} {unit}" for count, unit in parts if count]
    return sign + (" ".join(said[:2]) or "0 s")

"""Plain text inside a document: escaped for Markdown, people by name, moments in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from bot.domain.entry import SYSTEM
from templates.text import clean, one_line

_PERSON = re.compile(r"@?\b([UW][A-Z0-9]{6,30})\b")
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"^(#{1,6}(?=\s|$)|[-+=](?=[\s\-+=]|$)|\d{1,9}[.)](?=\s|$))")
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=\w)")


_FENCE = re.compile(r"```[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL)
_ANY_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_MARKED = re.compile(r"[<*_~]")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"https?://[\w.:/?&=%#+~-]+")
_STYLED = re.compile(r"(?<![\w*_~`])([*_~])(?=\S)([^*_~`\n]+)(?<=\S)\1(?![\w*_~`])")
_SLACK = (
    (re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>"), r"@\1"),
    (re.compile(r"<#[CG][A-Z0-9]+\|([^<>]+)>"), r"#\1"),
    (re.compile(r"<#([CG][A-Z0-9]+)\|?>"), r"#\1"),
    (re.compile(r"<!subteam\^(S[A-Z0-9]+)>"), r"@\1"),
    (re.compile(r"<!subteam\^S[A-Z0-9]+\|@?([^<>]+)>"), r"@\1"),
    (re.compile(r"<!date\^[^<>|]*\|([^<>]+)>"), r"\1"),
    (re.compile(r"<!(here|channel|everyone)(?:\|[^<>]*)?>"), r"@\1"),
    (re.compile(r"<((?:https?|mailto):[^<>|\s]+)\|\1>"), r"\1"),
    (re.compile(r"<((?:https?|mailto):[^<>|\s]+)\|([^<>]+)>"), r"\2 (\1)"),
    (re.compile(r"<((?:https?|mailto):[^<>|\s]+)>"), r"\1"),
)
"""Slack's own marks in a message, and what a reader outside of Slack makes of them."""


INDENT = "  "
"""What keeps a line inside the line of a list above it."""


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
    """Text of several lines: each stays a line of its own, empty ones part paragraphs, and code stays code."""
    return Markdown("\n".join(
        _fenced(part, "") if is_code else _lines(part, "") for part, is_code in parts(value)
    ))


def speech(value: str) -> Markdown:
    """What somebody said, inside a line of a list: its lines and its code stay lines and code of that line's."""
    if "\n" not in value and "`" not in value:
        return markdown(value)      # as most are
    text, was_code = "", False
    for at, (part, is_code) in enumerate(parts(value)):
        if is_code:
            text += f"\n{_fenced(part, INDENT)}"
        else:
            text += (f"\n{INDENT}" if at else "") + _lines(re.sub(r"\n{2,}", "\n", part), INDENT)
        was_code = is_code
    return Markdown(f"{text}\n{INDENT}" if was_code else text)


def parts(value: str) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is code between fences; empty pieces are left out."""
    pieces = _FENCE.split(clean(value))
    named = [(piece.strip("\n") if at % 2 else piece.strip(), at % 2 == 1) for at, piece in enumerate(pieces)]
    return [(piece, is_code) for piece, is_code in named if piece.strip()]


def unslacked(text: str) -> str:
    """A message as somebody reads it outside of Slack: people, channels and links in words, no stars for bold.

    Code stays as it was typed.
    """
    if not _MARKED.search(text):
        return text
    pieces = _ANY_CODE.split(text)
    for at in range(0, len(pieces), 2):
        for mark, plain in _SLACK if "<" in pieces[at] else ():
            pieces[at] = mark.sub(plain, pieces[at])
        pieces[at] = _STYLED.sub(r"\2", pieces[at])
    return "".join(pieces)


def linked(source: str) -> Markdown:
    """Where something can be read: a link where it is an address, else its name."""
    return Markdown(f"([Slack]({source}))") if _LINK.fullmatch(source) else Markdown(f"[{markdown(source)}]")


def address(source: str) -> str:
    """The source, where it is an address that a page may link to."""
    return source if _LINK.fullmatch(source) else ""


def _lines(text: str, indent: str) -> str:
    rows = [_inline(row) for row in text.split("\n")]
    following = [*rows[1:], ""]
    set_ = [f"{row}  " if row and after else row for row, after in zip(rows, following, strict=True)]
    return f"\n{indent}".join(set_) if indent else "\n".join(set_)


def _inline(row: str) -> str:
    """One line with its `code` as code, in which nothing needs an escape."""
    pieces = _CODE.split(one_line(row))
    return "".join(f"`{piece}`" if at % 2 else _plain(piece, first=at == 0) for at, piece in enumerate(pieces))


def _plain(piece: str, *, first: bool) -> str:
    """Text between code; the spaces at its edges stay."""
    words = str(markdown(piece)) if first else str(markdown(f"x{piece.lstrip()}"))[1:]
    before = " " if piece[:1] == " " and not first else ""
    after = " " if words and piece[-1:] == " " else ""
    return f"{before}{words}{after}"


def _fenced(code: str, indent: str) -> str:
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    rows = [fence, *code.split("\n"), fence]
    return "\n".join(f"{indent}{row}" for row in rows)


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


def spoken(value: str) -> Markup:
    """What somebody said, for a page: escaped, and what they set as code is set as code."""
    if "`" not in value:
        return escape(clean(value).strip())
    said = [Markup("<pre>{}</pre>").format(part) if is_code else _coded(part) for part, is_code in parts(value)]
    return Markup("").join(said)


def _coded(text: str) -> Markup:
    pieces = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece) for at, piece in enumerate(pieces)
    )

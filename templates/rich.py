"""Rich text: for what comes from outside. Exact and dead, since mentions and links are elements of their own there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from bot.domain.entry import Json
from templates.text import NOTHING, Mark, clamp, clean, one_line, shorten, size, unmarked, width

Element: TypeAlias = dict[str, Json]


class Cells(dict[str, Json]):
    """The box of a table: words of ours, where other boxes hold SQL and logs as they are."""


_CHUNK, _MOST = 3000, 9000
_MARKED = re.compile("<([^<>]*)>|`([^`\n]+)`|\\*([^*\n]+)\\*")
_DATE = re.compile("!date\\^(\\d+)\\^([^|^]+)(?:\\|(.*))?", re.DOTALL)


def rich(*parts: str) -> Element:
    """A paragraph: plain parts stand exactly as they are, marks become the elements that they name."""
    elements, room = list[Json](), _CHUNK
    for part in parts:
        for element in _elements(part) if isinstance(part, Mark) else _text(clean(part)):
            room -= size(str(element.get("text", "")))
            if room < 0:
                text = str(element.get("text", ""))
                elements.append(element | {"text": clamp(text, max(60, room + size(text)))})
                return _block({"type": "rich_text_section", "elements": elements})
            elements.append(element)
    return _block({"type": "rich_text_section", "elements": elements or [_plain(NOTHING)]})


def preformatted(text: str) -> Element:
    """Text in a fixed-width box, exact; long text fills several boxes, cut between lines, and its cut end says so."""
    return _block(*(_box(box) for box in _boxes(text)))


def table(rows: Sequence[Sequence[str]], heads: Sequence[str] = (), widest: int = 32) -> Element:
    """Rows aligned in columns of a fixed-width font; cells wider than `widest` columns are cut, the last one at 120."""
    grid = [[one_line(unmarked(cell)) for cell in row] for row in ([heads, *rows] if heads else rows)]
    count = max((len(row) for row in grid), default=0)
    grid = [[shorten(cell, 120 if at == count - 1 else widest) for at, cell in enumerate(row)] for row in grid]
    widths = [max((width(row[at]) for row in grid if at < len(row)), default=0) for at in range(count)]
    text = "\n".join(
        "  ".join(cell + " " * (widths[at] - width(cell)) for at, cell in enumerate(row)).rstrip() for row in grid
    )
    return _block(*(Cells(_box(box)) for box in _boxes(text)))


def _boxes(text: str) -> list[str]:
    shown = clamp(clean(unmarked(text)).strip("\n"), _MOST)
    return [box for box in _chunks(shown) if box.strip()] or [NOTHING]


def _block(*elements: Element) -> Element:
    return {"type": "rich_text", "elements": list(elements)}


def _box(text: str) -> Element:
    return {"type": "rich_text_preformatted", "elements": [_plain(text)]}


def _plain(text: str) -> Element:
    return {"type": "text", "text": text}


def _text(text: str, style: str = "") -> list[Element]:
    if not text:
        return []
    return [_plain(text) | ({"style": {style: True}} if style else {})]


def _elements(mark: Mark) -> Iterator[Element]:
    """The elements that a mark names. It can be read back, since escaped text holds none of the marking characters."""
    at = 0
    for found in _MARKED.finditer(mark):
        yield from _text(unmarked(Mark(mark[at:found.start()])))
        at = found.end()
        if found[2] or found[3]:
            yield from _text(unmarked(Mark(found[2] or found[3])), "code" if found[2] else "bold")
        else:
            yield from _angled(found[1])
    yield from _text(unmarked(Mark(mark[at:])))


def _angled(inner: str) -> list[Element]:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return [{"type": "user", "user_id": target[1:]}]
    if target.startswith("!subteam^"):
        return [{"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}]
    if date := _DATE.fullmatch(inner):
        return [{"type": "date", "timestamp": int(date[1]), "format": date[2], "fallback": date[3] or ""}]
    if target.startswith("http"):
        address = target.replace("&amp;", "&")
        return [{"type": "link", "url": address, "text": unmarked(Mark(label)) or address}]
    return _text(unmarked(Mark(f"<{inner}>")))


def _chunks(text: str) -> Iterator[str]:
    """The text in pieces that Slack takes, cut at line ends where there are any."""
    box = ""
    for row in text.split("\n"):
        if size(box) + size(row) + 1 > _CHUNK and box:
            yield box.removesuffix("\n")
            box = ""
        while size(row) > _CHUNK - 1:
            yield row[: _CHUNK // 2]
            row = row[_CHUNK // 2:]
        box += row + "\n"
    yield box.removesuffix("\n")

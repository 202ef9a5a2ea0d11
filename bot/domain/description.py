"""What a pull request's description should say, by the written runbook, and what of it is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable

PARTS = (
    ("purpose", r"purpose|what|why|problem|summary|motivation|background"),
    ("test results from staging", r"tests?|tested|testing|staging"),
    ("performance impact", r"performance|impact"),
    ("rollback plan", r"roll\s?back|way back|undo|revert"),
)
SCREENSHOT = "screenshots, since it touches the frontend"
FRONTEND = (".tsx", ".jsx", ".vue", ".svelte", ".css", ".scss", ".html", ".astro")

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(
    r"^\s{0,3}#{1,6}\s*(.+?)\s*#*$|^\s*[-*]?\s*\*\*(.+?)\*\*:?\s*(.*)$|^\s*[-*]?\s*([\w ]{2,40}):\s*(.*)$"
)
_EMPTY = re.compile(r"^[\s\-*_.:\[\]x]*(?:todo|tbd|\.\.\.|…)?[\s\-*_.:]*$", re.I)
_PICTURE = re.compile(r"!\[[^\]]*\]\(|<(?:img|video)\b|user-attachments/assets", re.I)
_ENOUGH = 20


def missing(description: str, paths: Iterable[str] = ()) -> tuple[str, ...]:
    """The parts that nobody wrote; a heading of a template with nothing under it is not written."""
    text = _COMMENT.sub("", description or "").replace("\r\n", "\n")
    said = _sections(text)
    lacking = [name for name, words in PARTS if not _has(words, said, text, name == "purpose")]
    if any(path.endswith(FRONTEND) for path in paths) and not _PICTURE.search(text):
        lacking.append(SCREENSHOT)
    return tuple(lacking)


def _sections(text: str) -> list[tuple[str, str]]:
    """Headings, `**bold**` ones and `Label: …` ones among them, with what stands under them."""
    found: list[tuple[str, str]] = [("", "")]
    for line in text.splitlines():
        match = _HEADING.match(line)
        if match:
            found.append((match[1] or match[2] or match[4] or "", match[3] or match[5] or ""))
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}")
    return found


def _has(words: str, sections: list[tuple[str, str]], text: str, purpose: bool) -> bool:
    wanted = re.compile(rf"\b(?:{words})\b", re.I)
    for place, (title, body) in enumerate(sections):
        if title and wanted.search(title):
            under = body + "".join(f"\n{sub}" for _, sub in sections[place + 1:place + 2] if not body.strip())
            if not _EMPTY.match(under):
                return True
        elif any(wanted.search(line) and len(line.strip()) >= _ENOUGH for line in body.splitlines()):
            return True
    first = sections[0][1].strip()
    return purpose and len(first) >= _ENOUGH and not _EMPTY.match(first)

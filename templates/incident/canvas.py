"""The canvas in which people write an incident's report: what it begins with, and what they wrote there.

What Slack gives back is the same words in its own hand, so texts are compared by their words alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.domain.draft import FIELDS
from templates.documents.words import markdown, paragraphs

Texts = Mapping[str, str]
"""What stands under each heading, by the key of the field."""

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"\[([^\[\]\n]*)\]\((https?://[^()\s]+)\)")
_PERSON = re.compile(r"!\[\]\(@([UW][A-Z0-9]+)\)")
_QUOTE = re.compile(r"^>\s?")
_BULLET = re.compile(r"^(\s*)[*+](?=\s)")


def intro(incident: str) -> str:
    return f"What stands under these headings goes into the report of {incident}. Leave the headings as they are."


def canvas(incident: str, begun: Texts) -> str:
    """Markdown for a new canvas; `begun` is what each field says already."""
    parts: list[str] = [markdown(intro(incident))]
    for key, (title, question) in FIELDS.items():
        parts += [f"## {title}", f"> {markdown(question)}", paragraphs(begun.get(key, ""))]
    return "\n\n".join(part for part in parts if part) + "\n"


def written(incident: str, content: str) -> dict[str, str]:
    """What stands under each heading of a canvas; a heading that is gone has no key.

    Words before the first heading count as the summary's, those under a heading of somebody's own as the one's before.
    """
    titles = {_words(title): key for key, (title, _) in FIELDS.items()}
    ours = {_words(question) for _, question in FIELDS.values()} | {_words(intro(incident))}
    found: dict[str, list[str]] = {}
    at, stray = "", list[str]()
    for row in content.splitlines():
        heading = _HEADING.match(row)
        if heading and (key := titles.get(_words(plain(heading[1])))):
            at = key
            found.setdefault(key, [])
            continue
        said = plain(heading[1] if heading else row)
        if _words(said) in ours:
            continue
        (found[at] if at else stray).append(said)
    if "".join(stray).strip():
        found["summary"] = [*stray, "", *found.get("summary", [])]
    return {key: re.sub(r"\n{3,}", "\n\n", "\n".join(rows)).strip() for key, rows in found.items()}


def plain(row: str) -> str:
    """One line of a canvas's Markdown as plain text: people by their ids, links with their address."""
    row = _PERSON.sub(r"@\1", _BULLET.sub(r"\1-", _QUOTE.sub("", row.rstrip())))
    row = _LINK.sub(lambda link: link[2] if link[1] in ("", link[2]) else f"{link[1]} ({link[2]})", row)
    row = re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"\1", row)
    row = _ESCAPED.sub(r"\1", row).replace("\u2060", "")
    return row.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def same(one: str, other: str) -> bool:
    """Whether two texts say the same, however Slack has set them."""
    return _words(one) == _words(other)


def merged(before: str, here: str, journal: str, beside: str) -> tuple[str, str] | None:
    """What a field says once the canvas is read: (text, what of it the canvas does not hold); None: nothing new.

    `before` is the canvas as it was read last, `here` as it stands, `journal` what the journal says, `beside` what
    stood in the journal alone. Where both were changed, both are kept.
    """
    if same(here, before):
        return None
    if same(journal, _both(beside, before)):
        return _both(beside, here), beside
    if same(here, journal):
        return None
    return _both(journal, here), journal


def _both(one: str, other: str) -> str:
    return "\n\n".join(part for part in (one.strip(), other.strip()) if part)


def _words(text: str) -> str:
    return "".join(re.findall(r"\w+", text.casefold())).replace("_", "")


__all__ = ["canvas", "intro", "merged", "plain", "same", "written"]

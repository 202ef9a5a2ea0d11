"""Slack's mrkdwn: which marks in a text are alive, and what a person reads in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

MARK = re.compile(r"<([^<>\n]+)>")
BARE_SPECIAL = re.compile(r"(?<![\w@/.])@(channel|here|everyone)\b")
SPECIALS = ("channel", "here", "everyone")


@dataclass(frozen=True, kw_only=True)
class Live:
    """The mentions and links in a piece of content that Slack would act upon."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    specials: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()

    def __or__(self, other: Live) -> Live:
        return Live(
            users=self.users | other.users,
            groups=self.groups | other.groups,
            specials=self.specials | other.specials,
            links=self.links | other.links,
        )

    @property
    def mentions(self) -> bool:
        return bool(self.users or self.groups or self.specials)


def live_in_text(text: str, *, bare_words: bool = False) -> Live:
    """What is alive in mrkdwn. `bare_words`: also @here without brackets, as Slack finds it where verbatim is false."""
    users, groups, specials, links = set(), set(), set(), set()
    for mark in MARK.findall(text):
        target = mark.split("|", 1)[0]
        if target.startswith("@"):
            users.add(target[1:])
        elif target.startswith("!subteam^"):
            groups.add(target.removeprefix("!subteam^"))
        elif target.startswith("!") and target[1:] in SPECIALS:
            specials.add(target[1:])
        elif re.match(r"(https?|mailto):", target):
            links.add(target)
    if bare_words:
        specials.update(BARE_SPECIAL.findall(MARK.sub(" ", text)))
    return Live(users=frozenset(users), groups=frozenset(groups), specials=frozenset(specials), links=frozenset(links))


def live_in_blocks(blocks: object) -> Live:
    found = Live()
    for piece in _pieces(blocks):
        kind = piece.get("type")
        if kind == "mrkdwn" and isinstance(piece.get("text"), str):
            found |= live_in_text(piece["text"], bare_words=not piece.get("verbatim", False))
        elif kind == "markdown" and isinstance(piece.get("text"), str):
            found |= live_in_text(piece["text"], bare_words=True)
        elif kind == "user":
            found |= Live(users=frozenset({str(piece.get("user_id"))}))
        elif kind == "usergroup":
            found |= Live(groups=frozenset({str(piece.get("usergroup_id"))}))
        elif kind == "broadcast":
            found |= Live(specials=frozenset({str(piece.get("range"))}))
        elif kind == "link":
            found |= Live(links=frozenset({str(piece.get("url"))}))
    return found


def _pieces(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _pieces(value)
    elif isinstance(node, list):
        for value in node:
            yield from _pieces(value)


def escape(text: str) -> str:
    """The three characters Slack wants escaped, nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def normalised(text: str) -> str:
    """Text as Slack stores and returns it: stray &, < and > come back escaped, marks stay."""
    text = re.sub(r"&(?!amp;|lt;|gt;)", "&amp;", text)
    kept: list[str] = []
    position = 0
    for mark in MARK.finditer(text):
        kept += [_dull(text[position : mark.start()]), mark.group()]
        position = mark.end()
    return "".join([*kept, _dull(text[position:])])


def _dull(text: str) -> str:
    # a quote is a > at the start of a line and stays what it is
    return re.sub(r"(?m)(?<!^)>", "&gt;", text.replace("<", "&lt;"))


def plain(text: str, name_of: Callable[[str], str], reader: tzinfo = UTC, now: datetime | None = None) -> str:
    """What a person reads: marks become names and words, formatting characters go."""

    def shown(mark: re.Match[str]) -> str:
        target, _, label = mark.group(1).partition("|")
        if target.startswith("!date^"):
            return date_token(target, label, reader, now)
        if target.startswith("!subteam^"):
            return name_of(target.removeprefix("!subteam^"))
        if target.startswith("!"):
            return f"@{target[1:]}"
        if target[0] in "@#":
            return name_of(target[1:])
        return f"{label} ({target})" if label and label != target else target

    parts = re.split(r"(```.*?```|`[^`\n]+`)", text, flags=re.DOTALL)
    words = [
        MARK.sub(shown, part).strip("`") if index % 2 else MARK.sub(shown, _unformatted(part))
        for index, part in enumerate(parts)
    ]
    return unescape("".join(words))


def _unformatted(text: str) -> str:
    for sign in ("*", "_", "~"):
        s = re.escape(sign)
        text = re.sub(rf"(?<![\w{s}]){s}(?=[^\s{s}])([^{s}\n]*?)(?<=[^\s{s}]){s}(?![\w{s}])", r"\1", text)
    return text


FORMATS: dict[str, str] = {
    "date_num": "%Y-%m-%d",
    "date": "%d %B %Y",
    "date_short": "%d %b %Y",
    "date_long": "%A, %d %B %Y",
    "time": "%H:%M",
    "time_secs": "%H:%M:%S",
}


def date_token(target: str, fallback: str, reader: tzinfo, now: datetime | None = None) -> str:
    """`!date^UNIX^{tokens}` as a reader in that zone sees it."""
    try:
        _, stamp, pattern = target.split("^")[:3]
        moment = datetime.fromtimestamp(int(stamp), reader)
    except (ValueError, OverflowError):
        return fallback
    today = (now or datetime.now(UTC)).astimezone(reader)

    def token(name: re.Match[str]) -> str:
        word = name.group(1)
        if word == "ago":
            return _ago(today - moment)
        if word.endswith("_pretty"):
            days = (moment.date() - today.date()).days
            near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days)
            return near or moment.strftime(FORMATS.get(word.removesuffix("_pretty"), "%d %b %Y"))
        return moment.strftime(FORMATS[word]) if word in FORMATS else name.group()

    return re.sub(r"\{(\w+)\}", token, pattern)


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    size = abs(seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if size >= length or unit == "second":
            count = size // length
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds >= 0 else f"in {words}"
    return ""

"""Errors of edge functions: known again by their class and the shape of their stack, whatever the lines moved to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.sightings.masking import READ, plain, tidy

FRAMES = 5
_FRAME = re.compile(
    r"^\s{0,8}at\s(?:async\s)?(?:(?P<name>[^\s(]{1,100})\s)?\(?(?P<file>[^\s()]{1,300}?)(?::\d{1,9}){1,2}\)?\s*$",
)
_CLASS = re.compile(r"\A(?:\w{0,20}\s){0,3}?(?P<class>\w{0,60}?(?:Error|Exception))\b:?\s*")
_OWN_FILE = re.compile(r"[^/\\]+\Z")
_RUNTIME = ("ext:", "node:", "deno:", "<anonymous>")
_ODD = re.compile(r"[^A-Za-z_$<>.]|\d{3,}")


@dataclass(frozen=True, kw_only=True)
class Broken:
    """What is known again of an error: `shape` for the fingerprint, `template` for people."""

    shape: str
    template: str


def broken(message: str) -> Broken:
    """An error as a runtime printed it, with its stack or without."""
    head, *lines = message[: 4 * READ].split("\n")
    frames = [frame for line in lines[:50] if (frame := _frame(line))][:FRAMES]
    found = _CLASS.search(head)
    kind = found["class"] if found else ""
    said = plain(head[found.end():] if found else head)
    where = f" in {frames[0]}" if frames else ""
    return Broken(shape="\n".join([kind, said, *frames]), template=tidy(": ".join(filter(None, [kind, said])) + where))


def _frame(line: str) -> str:
    match = _FRAME.match(line)
    if match is None or match["file"].startswith(_RUNTIME):
        return ""
    name, file = match["name"] or "", _OWN_FILE.search(match["file"])
    return f"{_ODD.sub('', name)} ({file.group() if file else ''})".strip()

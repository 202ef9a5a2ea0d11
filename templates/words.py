"""Words that many cards use: who did it, how long it took, of which project."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeAlias

from bot.domain.entry import SYSTEM, Json
from templates.text import Mark, line, mention

_CHANNEL = re.compile(r"[CG][A-Z0-9]{6,}")
Told: TypeAlias = "Mark | None"
"""A line of a thread; None where the card alone is enough."""

ONLY_PROJECT = "default"
"""The name of the project that the variables without a prefix describe."""


def who(actor: str) -> str:
    """A person as a mention; the program by its name; anybody else as they are."""
    if actor in (SYSTEM, ""):
        return "Stagedoor"
    try:
        return mention(actor)
    except ValueError:
        return actor


def place(channel: str) -> Mark:
    """A channel of the policy, which names it (`#deploys`) or gives its id: readers see its name either way."""
    return Mark(f"<#{channel}>") if _CHANNEL.fullmatch(channel) else line(channel)


def named(people: Iterable[str], between: str = " ") -> Mark:
    """Each person and group once, as mentions; what is no id stands as it is."""
    once = dict.fromkeys(people)
    return line(*(part for at, each in enumerate(once) for part in ((between if at else ""), who(each))))


def length(took: timedelta) -> str:
    """A duration in the two largest units that matter."""
    seconds = took.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"


def of_project(name: str) -> str:
    """` · shop` where there are several projects to tell apart; nothing for the only one."""
    return "" if name == ONLY_PROJECT else f" · {name}"


def sentence(said: Json) -> str:
    """Journalled words with a capital at the start."""
    words = str(said)
    return words[:1].upper() + words[1:]

"""What can come of a call to Slack, as types: every caller has to say what it does about each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True)
class Sent:
    """It stands in Slack."""

    ts: str


@dataclass(frozen=True)
class Later:
    """It was not done; ask again then."""

    until: datetime
    why: str = ""


@dataclass(frozen=True)
class Doubt:
    """Nobody knows whether Slack stored it: look it up, not before `until`, before it is sent again."""

    until: datetime
    why: str


@dataclass(frozen=True)
class Gone:
    """Slack says no and will say no again; `error` is Slack's word for it."""

    error: str


@dataclass(frozen=True)
class Absent:
    """It was looked for and does not stand in Slack."""


Outcome: TypeAlias = Sent | Later | Doubt | Gone
Refusal: TypeAlias = Later | Doubt | Gone

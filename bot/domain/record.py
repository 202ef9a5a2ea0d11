"""Records: where something that walks down a runbook stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.entry import Json


class Status(StrEnum):
    """Whether a record still walks."""

    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record's projection: what its entries add up to, in the few words that the walker needs.

    `folded` is the last entry (seq) that the walker took into account, `touched` the last
    entry about this record, `announced` the last one that Slack shows. A live record is due
    when `due` has passed or when `touched` is past `folded`.
    """

    id: str
    kind: str
    project: str
    stage: str
    status: Status = Status.LIVE
    due: datetime | None = None
    waits_for: str = ""
    folded: int = 0
    touched: int = 0
    announced: int = 0
    summary: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to write a record's projection; a later claim on the same record voids it."""

    record: str
    fence: int

"""Signals: what an alert rule has to say, before anybody decides whether people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.entry import Json


class Level(StrEnum):
    """How much a person is wanted. FATAL: on-call is called at once. ERROR: when it lasts. NOTICE: never."""

    FATAL = "fatal"
    ERROR = "error"
    NOTICE = "notice"


class Wakes(StrEnum):
    """For what somebody is paged, as the policy names it in `[watch] page`."""

    STOPPED = "stopped"
    ALARM = "alarm"
    FATAL = "fatal"
    ROLLBACK = "rollback"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The promotion that a signal is put down to, and why; not `sure` where an outsider could have provoked it."""

    promotion: str
    why: str
    sure: bool = True

    def to_json(self) -> dict[str, Json]:
        return {"promotion": self.promotion, "why": self.why, "sure": self.sure}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Cause:
        return cls(promotion=str(data["promotion"]), why=str(data["why"]), sure=data.get("sure") is not False)


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One thing that is wrong now. `key` names it within its project: the same key again is the same alert.

    `said` may quote logs and SQL: it is plain text from outside. `count` is how often it happened in all, `first` and
    `last` when; of a state, such as a blocked session, `last` is when it was seen last. `lasting`: only somebody's
    `Acknowledge`, or the rule's own silence where `lasts` is set, ends it. `attach` is text for a file in the thread.
    """

    key: str
    rule: str
    title: str
    said: str
    level: Level
    count: int
    first: datetime
    last: datetime
    cause: Cause | None = None
    wakes: Wakes | None = None
    evidence: tuple[str, ...] = ()
    attach: str = ""
    state: bool = False
    """Whether it is something that is so, and over once no reading shows it, rather than something that happened."""
    keeps: bool = False
    """Whether it stays open until somebody acknowledges it."""
    foldable: bool = True
    """Whether it may go into the rest bucket when there are too many new ones."""
    fingerprint: str = ""
    """The fingerprint of the logs that it is about; the picture and the samples are found by it."""
    within: str = ""
    """The key of a signal that covers this one: while that one is there, this one is not told."""
    top: tuple[str, ...] = field(default=())
    """What a storm or a digest lists."""

"""A rollback as its entries tell it, and what a promotion knows of its own: who asked, why, which bytes, whose word."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.entry import Entry, Json
from bot.domain.forgone import Counted
from bot.domain.values import texts


class Severity(StrEnum):
    """The runbook's first question."""

    MINOR = "minor"
    MAJOR = "major"


class How(StrEnum):
    """By which rule somebody's word lets a rollback begin."""

    PRESSED = "pressed"
    """The proven rollback was approved with its promotion; an approver or somebody on call pressed it."""
    APPROVED = "approved"
    """An approver other than the one who asked."""
    GLASS = "break glass"
    """One person alone, with a reason, after paging was not answered."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One file that is taken back: whose SQL it is by, and what trying it on staging said."""

    version: str
    label: str
    source: str
    """`file` or `draft`."""
    schema: str
    sql: str
    """SHA-256 of the SQL; the bytes lie in the journal's blobs."""

    def to_json(self) -> dict[str, Json]:
        return {
            "version": self.version, "label": self.label, "source": self.source, "schema": self.schema, "sql": self.sql,
        }


@dataclass(frozen=True, kw_only=True)
class Word:
    """Somebody's word for exactly these bytes on exactly this ground."""

    by: str
    at: datetime
    how: How
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """What a rollback is about. `steps` are newest first, as they are taken back.

    `ground` stands for production's head and the state of the objects concerned; `before` and `after` are the
    catalogs (SHA-256, or empty) around what is taken back. `until` is when the word that was given with the
    promotion ends; `why_not` says why there is none. `told` is what people have to know before they decide.
    """

    of: str
    severity: Severity
    reason: str
    steps: tuple[Step, ...]
    ground: str
    before: str = ""
    after: str = ""
    until: datetime | None = None
    why_not: str = ""
    lost: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    """What the promotion did to rows and the rollback leaves so."""
    told: tuple[str, ...] = ()
    counted: Counted | None = None
    """The rows that it gives up, as many as there were when it was planned."""
    kept_in: str = ""
    """The backup that was taken before the promotion destroyed what is `lost`."""
    words: tuple[Word, ...] = ()
    paged_at: datetime | None = None
    paged_ground: str = ""
    """The ground that people were called to; another one calls them again."""
    pressable: bool = False
    """Whether the last call was for the word that was given with the promotion: any one of them may press."""
    glass: bool = False
    """Whether paging went unanswered for so long that one person may decide."""
    answered: tuple[str, datetime] | None = None
    """Who of those that may decide acknowledged the page, and when."""
    review_asked: datetime | None = None
    """When a review of what one person let through alone was last asked for; it is over for people since the first."""
    reviewed_by: str = ""
    unlike: tuple[str, ...] = ()
    staging: str = ""
    """The staging run that takes it back there."""
    staged: str = ""
    filed: str = ""
    link: str = ""
    merged: bool = True
    """False while the file waits in a pull request, or nowhere yet."""

    def to_json(self) -> dict[str, Json]:
        """What is asked for; what happens after that are entries of their own."""
        return {
            "of": self.of, "severity": str(self.severity), "reason": self.reason, "ground": self.ground,
            "steps": [step.to_json() for step in self.steps], "before": self.before, "after": self.after,
            "until": self.until.isoformat() if self.until else None, "why_not": self.why_not,
            "lost": list(self.lost), "given_up": list(self.given_up), "stays": list(self.stays),
            "told": list(self.told),
            "kept_in": self.kept_in, "counted": self.counted.to_json() if self.counted else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Rolling:
        steps, counted = data["steps"], data.get("counted")
        assert isinstance(steps, list)
        return cls(
            of=str(data["of"]), severity=Severity(str(data["severity"])), reason=str(data["reason"]),
            steps=tuple(_step(step) for step in steps if isinstance(step, dict)), ground=str(data["ground"]),
            before=str(data.get("before", "")), after=str(data.get("after", "")),
            until=datetime.fromisoformat(str(data["until"])) if data.get("until") else None,
            why_not=str(data.get("why_not", "")), lost=texts(data.get("lost")),
            given_up=texts(data.get("given_up")), stays=texts(data.get("stays")), told=texts(data.get("told")),
            kept_in=str(data.get("kept_in", "")),
            counted=Counted.from_json(counted) if isinstance(counted, dict) else None,
        )

    def mark(self, plan: str) -> str:
        """What a card's buttons carry, so that a press on an older card is no word for a plan that was made since."""
        return hashlib.sha256(f"{plan}{self.ground}".encode()).hexdigest()[:12]

    @property
    def alone(self) -> Word | None:
        """The word of the one person who let it begin alone."""
        return next((word for word in self.words if word.how is How.GLASS), None)

    @property
    def label(self) -> str:
        """`20261101120000 add_feature`, or how many there are."""
        return self.steps[0].label if len(self.steps) == 1 else f"{len(self.steps)} migrations"


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What a promotion knows of its rollback; `done` once production has it."""

    record: str
    by: str
    reason: str
    at: datetime
    done: bool = False
    ended: str = ""
    """How it ended, where production was left as it was."""

    @property
    def live(self) -> bool:
        return not self.done and not self.ended


RollingFold = Callable[[Rolling, Entry], Rolling]


def _word(r: Rolling, e: Entry) -> Rolling:
    """Words count for the bytes and the ground that their giver saw, and for no others."""
    if e.data["ground"] != r.ground or e.actor in {word.by for word in r.words}:
        return r
    word = Word(by=e.actor, at=e.at, how=How(str(e.data["how"])), reason=str(e.data.get("reason", "")))
    return replace(r, words=(*r.words, word))


def _void(r: Rolling, e: Entry) -> Rolling:
    return replace(r, words=tuple(word for word in r.words if word.by != e.data["by"]))


def _planned(r: Rolling, e: Entry) -> Rolling:
    anew = e.data["rolling"]
    assert isinstance(anew, dict)
    return replace(Rolling.from_json(anew), paged_at=r.paged_at, glass=r.glass, answered=r.answered)


def _paged(r: Rolling, e: Entry) -> Rolling:
    return replace(r, paged_at=r.paged_at or e.at, paged_ground=r.ground, pressable=bool(e.data["pressable"]))


def _unlike(r: Rolling, e: Entry) -> Rolling:
    return replace(r, unlike=texts(e.data["wrong"]))


def _filed(r: Rolling, e: Entry) -> Rolling:
    return replace(r, filed=str(e.data["said"]), link=str(e.data.get("link", "")), merged=bool(e.data["merged"]))


ROLLING: Mapping[str, RollingFold] = {
    "rollback.planned": _planned,
    "rollback.paged": _paged,
    "rollback.glass": lambda r, e: replace(r, glass=True),
    "rollback.answered": lambda r, e: replace(r, answered=(str(e.data["by"]), _time(e.data["at"]))),
    "rollback.word": _word,
    "rollback.void": _void,
    "rollback.unlike": _unlike,
    "rollback.review": lambda r, e: replace(r, review_asked=e.at),
    "rollback.reviewed": lambda r, e: replace(r, reviewed_by=r.reviewed_by or e.actor),
    "rollback.staging": lambda r, e: replace(r, staging=str(e.data["record"])),
    "rollback.staged": lambda r, e: replace(r, staged=str(e.data["said"])),
    "rollback.filed": _filed,
}
"""What each entry of a rollback makes of it."""


def _asked(t: TakenBack | None, e: Entry) -> TakenBack:
    return TakenBack(record=str(e.data["record"]), by=e.actor, reason=str(e.data["reason"]), at=e.at)


def _done(t: TakenBack | None, e: Entry) -> TakenBack | None:
    return replace(t, done=True, at=e.at) if t and t.record == e.data["record"] else t


def _over(t: TakenBack | None, e: Entry) -> TakenBack | None:
    return replace(t, ended=str(e.data["verdict"])) if t and t.record == e.data["record"] and not t.done else t


TAKEN: Mapping[str, Callable[[TakenBack | None, Entry], TakenBack | None]] = {
    "taken_back.asked": _asked, "taken_back.done": _done, "taken_back.ended": _over,
}
"""What a promotion is told of its rollback."""


def _step(data: Mapping[str, Json]) -> Step:
    return Step(
        version=str(data["version"]), label=str(data["label"]), source=str(data["source"]),
        schema=str(data["schema"]), sql=str(data["sql"]),
    )


def _time(value: Json) -> datetime:
    return datetime.fromisoformat(str(value))

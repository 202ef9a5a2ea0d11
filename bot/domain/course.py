"""How the apply of a promotion went on: stopped half-way, resumed by another, its locks beside what was foretold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.entry import Entry, Json

BEGUN = "begun"
"""The shelf of what was last noted of a file that runs outside a transaction, by whichever promotion, until it is in:
by project, environment and version."""

STEPS = ("apply.stopped", "promotion.resumed", "locks.compared")


@dataclass(frozen=True, kw_only=True)
class Lock:
    """The longest lock that staging foretold, and how long production held the same one; seconds."""

    table: str
    foretold: float
    was: float


@dataclass(frozen=True, kw_only=True)
class Course:
    """Part of a promotion, folded from its entries.

    `resumes` is the promotion whose rest this one brings, `by` who pressed Resume; `asks` says why what was approved
    then has to be approved anew, and is empty where the approvals hold.
    """

    stopped: bool = False
    """A part is in, and it goes no further: what is in is verified and watched all the same."""
    resumed_as: str = ""
    resumes: str = ""
    by: str = ""
    asks: str = ""
    lock: Lock | None = None
    staging: float | None = None
    """How many seconds staging took for what is in, where Stagedoor ran all of it there."""
    compared: bool = False

    @classmethod
    def of(cls, request: Mapping[str, Json]) -> Course:
        """The course of a promotion at its request."""
        resumes = request.get("resumes")
        if not isinstance(resumes, dict):
            return cls()
        return cls(resumes=str(resumes["record"]), by=str(resumes["by"]), asks=str(resumes.get("asks", "")))

    def after(self, entry: Entry) -> Course:
        """The course after one of its `STEPS`."""
        match entry.kind:
            case "apply.stopped":
                return replace(self, stopped=True)
            case "promotion.resumed":
                return replace(self, resumed_as=self.resumed_as or str(entry.data["as"]))
            case _:
                return replace(self, compared=True, lock=_lock(entry.data), staging=_number(entry.data.get("staging")))


def _lock(data: Mapping[str, Json]) -> Lock | None:
    foretold, was = _number(data.get("foretold")), _number(data.get("was"))
    if foretold is None or was is None:
        return None
    return Lock(table=str(data["table"]), foretold=foretold, was=was)


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None

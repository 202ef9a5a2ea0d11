"""What the doctor says about one thing: a mark with its word, what it saw, and the mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.errors import StagedoorError
from bot.settings import Settings


class Mark(StrEnum):
    """How a thing is; a note is worth reading and nothing to mend."""

    OK = "✓ ok"
    NOTE = "◻ note"
    WRONG = "✗ wrong"
    UNKNOWN = "? could not check"


@dataclass(frozen=True, kw_only=True)
class Finding:
    mark: Mark
    what: str
    said: str
    mend: str = ""

    @property
    def good(self) -> bool:
        return self.mark in (Mark.OK, Mark.NOTE)

    def __str__(self) -> str:
        return f"{self.mark}  {self.what}: {self.said}{f' {self.mend}' if self.mend else ''}"


def ok(what: str, said: str) -> Finding:
    return Finding(mark=Mark.OK, what=what, said=said)


def note(what: str, said: str) -> Finding:
    return Finding(mark=Mark.NOTE, what=what, said=said)


def wrong(what: str, said: str, mend: str) -> Finding:
    return Finding(mark=Mark.WRONG, what=what, said=said, mend=mend)


def unknown(what: str, said: str, mend: str = "") -> Finding:
    return Finding(mark=Mark.UNKNOWN, what=what, said=said, mend=mend)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What the checks are given, and what an earlier one leaves to a later one."""

    settings: Settings
    environ: Mapping[str, str]
    majors: dict[str, int] = field(default_factory=dict)
    """The major version of each database that answered, by its name."""


Check = Callable[[Visit], Iterable[Finding]]


def guarded(what: str, looking: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of one check; a fault of the check itself is a finding, and the others still look."""
    try:
        yield from looking
    except StagedoorError as trouble:
        yield unknown(what, str(trouble))
    except Exception as trouble:
        yield unknown(what, f"the check met a fault of its own ({type(trouble).__name__}).")

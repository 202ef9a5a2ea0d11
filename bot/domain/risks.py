"""What a migration destroys or opens up as far as it can be read, and what a staging run shows of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.entry import Json
from bot.domain.values import integer, texts


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A place of a file that is executed but cannot be read: EXECUTE, a call, a branch on data; `said` names it."""

    line: int
    said: str

    def __str__(self) -> str:
        return f"{self.said} (line {self.line})"

    def to_json(self) -> dict[str, Json]:
        return {"line": self.line, "said": self.said}

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Unread:
        return cls(line=integer(data["line"]), said=str(data["said"]))


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What such a place did when staging ran it, in words; `harmless` where it did something and destroyed nothing.

    `lost` and `stays` are what that means for a way back, as in `WayBack`.
    """

    line: int
    did: str
    harmless: bool
    lost: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {
            "line": self.line, "did": self.did, "harmless": self.harmless, "lost": list(self.lost),
            "stays": list(self.stays),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Ran:
        return cls(
            line=integer(data["line"]), did=str(data["did"]), harmless=data["harmless"] is True,
            lost=texts(data.get("lost")), stays=texts(data.get("stays")),
        )


class Risks(NamedTuple):
    """What one file destroys or opens up, as sentences with their lines, and what of it nobody can read."""

    known: tuple[str, ...]
    unread: tuple[Unread, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.known, *map(str, self.unread))

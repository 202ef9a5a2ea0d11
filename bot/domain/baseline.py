"""A difference between files and history that a baseline may accept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from bot.domain.project import Environment

STRAYS = {
    "-": "is only in production", "+": "is only on staging", "~": "is not the same in both",
    "=": "is in production already, and not as a pending migration makes it",
}
"""Where an object is that no migration explains, by its sign."""


class Kind(StrEnum):
    """MISSING: applied, no file. EDITED: the file differs. UNKNOWN: the row keeps no statements. NEVER: not applied.

    DRIFT: an object of the catalogs that no migration explains; its `version` is the object's quoted name.
    """

    MISSING = "missing"
    EDITED = "edited"
    UNKNOWN = "unknown"
    NEVER = "never"
    DRIFT = "drift"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that does not fit. `sha256` binds it to the file's bytes: another edit is another difference."""

    kind: Kind
    environment: Environment
    version: str
    sha256: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.environment} {self.version} {self.sha256}".rstrip()

    @classmethod
    def parse(cls, text: str) -> Difference:
        """What `str` made of one."""
        kind, environment, version, *sha256 = text.split()
        return cls(
            kind=Kind(kind), environment=Environment(environment), version=version, sha256=sha256[0] if sha256 else "",
        )

    @property
    def said(self) -> str:
        """For people."""
        if self.kind is Kind.DRIFT:
            return _stray(self.version)
        return {
            Kind.MISSING: f"{self.version} is in {self.environment} without a file here",
            Kind.EDITED: f"{self.version} was edited after {self.environment} had it",
            Kind.UNKNOWN: f"{self.version} cannot be compared: {self.environment}'s history keeps no statements for it",
            Kind.NEVER: f"{self.version} never went into {self.environment} and is older than its head: left out",
        }[self.kind]


def _stray(version: str) -> str:
    """`~policy public.books.open` as a sentence; where it is, its first letter says."""
    text = unquote(version)
    kind, _, name = text[1:].partition(" ")
    return f"{kind.replace('_', ' ')} {name} {STRAYS.get(text[:1], 'differs')}, and no migration explains it"

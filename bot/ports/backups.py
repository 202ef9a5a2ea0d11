"""The ports of backups: ours, and what the platform keeps by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.backup import Kept, OfPlatform, Proven
from bot.domain.entry import Json


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A dump that was written and does not count yet. `rows` are the counts of its snapshot, as JSON."""

    unfinished: str
    size: int
    sha256: str
    seconds: float
    server: str
    rows: bytes
    tables: int
    left_out: tuple[str, ...] = ()


class Reporting(Protocol):
    """How long work tells how far it is, and learns that it has to end."""

    def progress(self, data: Mapping[str, Json]) -> None: ...

    def stopping(self) -> bool: ...


class PlatformBackups(Protocol):
    """What the database's platform keeps by itself."""

    def read(self) -> OfPlatform:
        """Ask. Raises `Unreachable` with why it could not be learned."""
        ...


class Backups(Protocol):
    """Takes dumps of one project's production, proves them and keeps them.

    Everything raises `Refused` with what went wrong in words for a person, and `Unreachable` for what may pass.
    """

    def ready(self, proof: str) -> str:
        """What a backup would be taken with, if one can be taken now."""
        ...

    def dump(self, id: str, only: Sequence[tuple[str, str]], reporting: Reporting) -> Dump:
        """Dump through one snapshot, whole or of these tables (schema, name); what was left before is taken away."""
        ...

    def prove(self, given: Dump, how: str, reporting: Reporting) -> Proven:
        """Read it whole (`read`), or restore it into a scratch database (`restore`), and compare all row counts."""
        ...

    def keep(self, given: Dump, name: str) -> Kept:
        """Let a proven dump count, under that name; safe to repeat."""
        ...

    def missing(self, kept: Kept) -> str:
        """Why a dump that was kept cannot be used now; empty where it lies in its place, whole."""
        ...

    def discard(self, id: str) -> None:
        """Take away whatever of a backup does not count."""
        ...

    def remove(self, kept: Kept) -> None:
        """Take a kept dump away for good."""
        ...

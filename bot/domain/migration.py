"""Migrations: a file in the folder, a row in a database's history, and how the two compare."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.source import Source


@dataclass(frozen=True, kw_only=True)
class Migration:
    """A migration file as it was read: `VERSION_name.sql` and its bytes."""

    version: str
    name: str
    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def label(self) -> str:
        """`VERSION name`, as people write it."""
        return f"{self.version} {self.name}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A row of `supabase_migrations.schema_migrations`; old CLIs left `statements` NULL, which is None here."""

    version: str
    name: str
    statements: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file in the migrations folder that is not a migration, and why."""

    filename: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What a migrations folder holds, in the order in which the Supabase CLI applies it (version as text).

    `source` is None for a folder on this machine's disk.
    """

    migrations: tuple[Migration, ...]
    skipped: tuple[Skipped, ...] = ()
    source: Source | None = None
    rollbacks: tuple[Migration, ...] = ()
    """The ways back, in the folder `rollbacks` beside it, under the versions that they take back."""


class Match(StrEnum):
    """How an applied row compares with its local file."""

    SAME = "same"
    EDITED = "edited"
    CANNOT_TELL = "cannot tell"

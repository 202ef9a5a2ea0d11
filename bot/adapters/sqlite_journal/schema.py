"""Which version the tables of a SQLite store have, and that an older one is moved forward."""

from __future__ import annotations

from sqlite3 import Connection

from bot.errors import Refused

APPLICATION = 0x53746467
"""Stands in the file's header, so that another program's database is never taken for a store."""

NEWEST = 3
"""The version that this release makes; `steps` holds the way there."""


def version_of(db: Connection) -> int:
    """The schema version of the file; 0 for an empty one. Raises `Refused` for a file that is not ours or too new."""
    mark = int(db.execute("PRAGMA application_id").fetchone()[0])
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables and mark in (0, APPLICATION):
        return 0
    if mark != APPLICATION or "schema_versions" not in tables:
        raise Refused("It is a database of another program. Name another file in STAGEDOOR_STORE_URL.")
    version = int(db.execute("SELECT max(version) FROM schema_versions").fetchone()[0])
    if version > NEWEST:
        raise Refused(
            f"It was written by a newer release (store version {version}; this one knows up to {NEWEST}). "
            "Start that release, or restore the copy from before the update.",
        )
    return version


def move_forward(db: Connection, *, full_text: bool, at: str) -> None:
    """Bring the store to this release's version; the caller holds the write transaction."""
    known = version_of(db)
    if known == NEWEST:
        return
    # A store in shape is opened without it: sqlite-utils loads NumPy where that is installed, 12 MiB and 0.1 s.
    from bot.adapters.sqlite_journal.steps import advance

    if known == 0:
        db.execute(f"PRAGMA application_id = {APPLICATION}")
    advance(db, known, full_text=full_text, at=at)


def indexed(db: Connection) -> bool:
    """Whether the store has an index of its words."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'findable_fts'").fetchone() is not None

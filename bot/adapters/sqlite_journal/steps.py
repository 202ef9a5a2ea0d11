"""How each version of the SQLite store is made of the one before; the one room of sqlite-utils."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from sqlite_utils import Database


def advance(connection: sqlite3.Connection, known: int, *, full_text: bool, at: str) -> None:
    """Bring a store of that version to the newest; the caller holds the write transaction."""
    db = Database(connection, execute_plugins=False)
    if known == 0:
        db.table("schema_versions").create({"version": int, "at": str}, pk="version")
    for version, change in enumerate(VERSIONS[known:], start=known + 1):
        change(db, full_text)
        db.execute("INSERT INTO schema_versions (version, at) VALUES (?, ?)", [version, at])


def first(db: Database, full_text: bool) -> None:
    _chain(db)
    _records(db)
    _beside(db)
    if full_text and _has_fts5(db):
        for table, column in (("findable", "words"), ("private", "text")):
            db.table(table).enable_fts([column], create_triggers=True, tokenize="unicode61")


def tallies(db: Database, full_text: bool) -> None:
    """Times are microseconds since 1970; a cell is the account's place and the minute or hour in one number."""
    faults = db.table("faults").create(
        {
            "place": int, "project": str, "environment": str, "fingerprint": str, "source": str, "severity": str,
            "sqlstate": str, "template": str, "objects": str, "first_seen": int, "last_seen": int, "total": int,
            "sampled": int, "hits": str, "fold": int,
        },
        pk="place",
    )
    faults.create_index(["project", "environment", "fingerprint"], unique=True)
    faults.create_index(["fold"])
    faults.create_index(["project", "environment", "last_seen"])
    for table in ("minutes", "hours"):
        db.table(table).create({"cell": int, "count": int}, pk="cell", not_null=("count",))
    db.table("marks").create({"mark": int, "hour": int}, pk="mark", not_null=("hour",))
    samples = db.table("samples").create(
        {"place": int, "fault": int, "at": int, "expires": int, "text": str}, pk="place",
        not_null=("fault", "at", "expires", "text"),
    )
    samples.create_index(["fault"])
    db.table("reaches").create({"name": str, "up_to": int, "heard": int, "cursor": str}, pk="name")
    db.table("gaps").create(
        {"place": int, "project": str, "environment": str, "begun": int, "ended": int, "why": str}, pk="place",
    )


def answers(db: Database, full_text: bool) -> None:
    """Requests of a service as a log told of them, and how many failed; names end in the minute or hour since 1970."""
    for table in ("answers_minutes", "answers_hours"):
        db.table(table).create({"name": str, "asked": int, "failed": int}, pk="name", not_null=("asked", "failed"))


VERSIONS: tuple[Callable[[Database, bool], None], ...] = (first, tallies, answers)
"""How each version is made of the one before; never edit one that was released."""


def _chain(db: Database) -> None:
    entries = db.table("entries").create(
        {
            "seq": int, "id": str, "at": str, "about": str, "kind": str, "actor": str, "data": str,
            "private_hash": str, "previous": str, "hash": str,
        },
        pk="seq",
        not_null=("id", "at", "about", "kind", "actor", "data", "private_hash", "previous", "hash"),
    )
    for column in ("id", "previous", "hash"):
        entries.create_index([column], unique=True)
    entries.create_index(["about", "seq"])
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"CREATE TRIGGER entries_no_{verb.lower()} BEFORE {verb} ON entries "
            "BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END",
        )
    db.table("findable").create({"seq": int, "words": str}, pk="seq", not_null=("words",))
    private = db.table("private").create(
        {"seq": int, "entry": str, "salt": str, "text": str}, pk="seq", not_null=("entry", "salt", "text"),
    )
    private.create_index(["entry"], unique=True)


def _records(db: Database) -> None:
    records = db.table("records").create(
        {
            "opened": int, "id": str, "kind": str, "project": str, "stage": str, "status": str, "due": str,
            "waits_for": str, "folded": int, "touched": int, "others": int, "announced": int, "summary": str,
        },
        pk="opened",
        not_null=("id", "kind", "project", "stage", "status", "waits_for", "summary"),
        defaults={"waits_for": "", "folded": 0, "touched": 0, "others": 0, "announced": 0, "summary": "{}"},
    )
    records.create_index(["id"], unique=True)
    records.create_index(["status", "due"])
    db.execute("CREATE INDEX records_unannounced ON records (opened) WHERE touched > announced")
    db.execute("CREATE INDEX records_unfolded ON records (opened) WHERE touched > folded AND status = 'live'")
    db.table("fences").create({"record": str, "fence": int}, pk="record", not_null=("fence",))
    db.table("numbers").create({"series": str, "last": int}, pk="series", not_null=("last",))


def _beside(db: Database) -> None:
    documents = db.table("documents").create(
        {"place": int, "shelf": str, "key": str, "doc": str}, pk="place", not_null=("shelf", "key", "doc"),
    )
    documents.create_index(["shelf", "key"], unique=True)
    db.table("blobs").create({"sha256": str, "content": bytes}, pk="sha256", not_null=("content",))
    deliveries = db.table("deliveries").create(
        {
            "place": int, "key": str, "kind": str, "payload": str, "received": str, "attempts": int, "turn": str,
            "finished": str,
        },
        pk="place",
        not_null=("key", "kind", "received", "attempts", "turn"),
    )
    deliveries.create_index(["key"], unique=True)
    db.execute("CREATE INDEX deliveries_pending ON deliveries (turn) WHERE finished IS NULL")
    db.execute("CREATE INDEX deliveries_finished ON deliveries (finished) WHERE finished IS NOT NULL")


def _has_fts5(db: Database) -> bool:
    try:
        db.execute("CREATE VIRTUAL TABLE temp.probe USING fts5(words)")
        db.execute("DROP TABLE temp.probe")
    except sqlite3.OperationalError:
        return False
    return True

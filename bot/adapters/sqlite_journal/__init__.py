"""The journal on SQLite: chain, records, shelves and inbox in one file; the one room of sqlite-utils."""

from __future__ import annotations

from bot.adapters.sqlite_journal.inbox import Deliveries
from bot.adapters.sqlite_journal.moving import Moving
from bot.adapters.sqlite_journal.records import Records
from bot.adapters.sqlite_journal.shelves import SideTables

__all__ = ["SqliteJournal"]


class SqliteJournal(Records, SideTables, Deliveries, Moving):
    """`SqliteJournal(path, clock, scrub)` is Journal, Shelves and Inbox at once; safe to use from many threads."""

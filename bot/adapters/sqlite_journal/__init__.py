"""The journal on SQLite: chain, records, shelves, inbox and tallies in one file."""

from __future__ import annotations

from bot.adapters.sqlite_journal.inbox import Deliveries
from bot.adapters.sqlite_journal.moving import Moving
from bot.adapters.sqlite_journal.records import Records
from bot.adapters.sqlite_journal.shelves import SideTables
from bot.adapters.sqlite_journal.tallies import Tallying

__all__ = ["SqliteJournal"]


class SqliteJournal(Records, SideTables, Deliveries, Tallying, Moving):
    """`SqliteJournal(path, clock, scrub)` is Journal, Shelves, Inbox and Tallies at once; safe from many threads."""

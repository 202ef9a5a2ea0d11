"""The journal on Postgres: chain, records, shelves and inbox in a schema of their own."""

from __future__ import annotations

from bot.adapters.postgres_journal.connections import begun
from bot.adapters.postgres_journal.inbox import Deliveries
from bot.adapters.postgres_journal.moving import Moving
from bot.adapters.postgres_journal.records import Records
from bot.adapters.postgres_journal.serve_lock import PostgresServeLock
from bot.adapters.postgres_journal.shelves import SideTables

__all__ = ["PostgresJournal", "PostgresServeLock", "begun"]


class PostgresJournal(Records, SideTables, Deliveries, Moving):
    """`PostgresJournal(url, clock, scrub)` is Journal, Shelves and Inbox at once; safe to use from many threads."""

"""The journal on Postgres: chain, records, shelves, inbox and tallies in a schema of their own."""

from __future__ import annotations

from bot.adapters.postgres_journal.connections import begun
from bot.adapters.postgres_journal.inbox import Deliveries
from bot.adapters.postgres_journal.moving import Moving
from bot.adapters.postgres_journal.records import Records
from bot.adapters.postgres_journal.serve_lock import PostgresServeLock
from bot.adapters.postgres_journal.shelves import SideTables
from bot.adapters.postgres_journal.tallies import Tallying

__all__ = ["PostgresJournal", "PostgresServeLock", "begun"]


class PostgresJournal(Records, SideTables, Deliveries, Tallying, Moving):
    """`PostgresJournal(url, clock, scrub)` is Journal, Shelves, Inbox and Tallies at once; safe from many threads."""

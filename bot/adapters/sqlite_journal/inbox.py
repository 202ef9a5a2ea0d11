"""The inbox on SQLite: many deliveries that arrive at once share one transaction, and so one wait for the disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from threading import Event, Lock

from bot.adapters.links import document, moment
from bot.adapters.sqlite_journal.chain import Chain, query
from bot.ports import Clock, Delivery
from bot.scrub import Scrubber


@dataclass(eq=False)
class Ticket:
    """A delivery on its way into the store, and the word on what became of it."""

    delivery: Delivery
    payload: str
    fresh: bool = False
    failure: BaseException | None = None
    done: Event = field(default_factory=Event)


class Deliveries(Chain):
    """Deliveries that were acknowledged and are not yet worked off."""

    def __init__(self, path: Path, clock: Clock, scrub: Scrubber, *, full_text: bool = True) -> None:
        self._queue, self._queueing = list[Ticket](), Lock()
        super().__init__(path, clock, scrub, full_text=full_text)

    def receive(self, delivery: Delivery) -> bool:
        ticket = Ticket(delivery, document(delivery.payload, self._scrub))
        with self._queueing:
            self._queue.append(ticket)
            leads = len(self._queue) == 1
        if leads:
            self._store_queue()
        ticket.done.wait()
        if ticket.failure is not None:
            raise ticket.failure
        return ticket.fresh

    def pending(self, now: datetime) -> list[Delivery]:
        with self.reading() as db:
            rows = query(
                db, "SELECT * FROM deliveries WHERE finished IS NULL AND turn <= ? ORDER BY place", [moment(now)],
            )
        return [
            Delivery(
                key=row["key"], kind=row["kind"], payload=json.loads(row["payload"]),
                received=datetime.fromisoformat(row["received"]), attempts=row["attempts"],
            )
            for row in rows
        ]

    def postpone(self, key: str, until: datetime) -> None:
        """Nothing happens to a delivery that is finished or unknown."""
        with self.writing() as db:
            db.execute(
                "UPDATE deliveries SET turn = ?, attempts = attempts + 1 WHERE key = ? AND finished IS NULL",
                [moment(until), key],
            )

    def prune(self, before: datetime) -> int:
        """Forget the keys of deliveries that were finished before then; returns how many.

        Keys that `append` was given for something that never was in the inbox are kept.
        """
        with self.writing() as db:
            gone = db.execute("DELETE FROM deliveries WHERE finished < ? AND kind != ''", [moment(before)])
            return gone.rowcount

    def _store_queue(self) -> None:
        """Wait for the turn to write, then store everything that queued up meanwhile."""
        taken: list[Ticket] = []
        try:
            with self.writing(urgent=True) as db:
                taken = self._take_queue()
                for ticket in taken:
                    ticket.fresh = _store(db, ticket)
        except BaseException as failure:
            taken = taken or self._take_queue()
            for ticket in taken:
                ticket.failure = failure
            if not isinstance(failure, Exception):
                raise
        finally:
            for ticket in taken:
                ticket.done.set()

    def _take_queue(self) -> list[Ticket]:
        with self._queueing:
            taken, self._queue = self._queue, []
        return taken


def _store(db: Connection, ticket: Ticket) -> bool:
    delivery = ticket.delivery
    stored = db.execute(
        "INSERT OR IGNORE INTO deliveries (key, kind, payload, received, attempts, turn) VALUES (?, ?, ?, ?, ?, ?)",
        [
            delivery.key, delivery.kind, ticket.payload, moment(delivery.received), delivery.attempts,
            moment(delivery.received),
        ],
    )
    return stored.rowcount > 0

"""The inbox on Postgres: a delivery is one statement, and the server lets many share one wait for the disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from bot.adapters.links import document
from bot.adapters.postgres_journal.chain import Chain
from bot.adapters.postgres_journal.trouble import UNKNOWN
from bot.ports import Delivery

URGENT = 2.0
"""Seconds to wait for a connection: Slack takes an answer for three."""


class Deliveries(Chain):
    """Deliveries that were acknowledged and are not yet worked off."""

    def receive(self, delivery: Delivery) -> bool:
        payload = document(delivery.payload, self._scrub)
        with self.reading(patience=URGENT, outcome=UNKNOWN) as db:
            stored = db.execute(
                "insert into stagedoor.deliveries (key, kind, payload, received, attempts, turn) "
                "values (%(key)s, %(kind)s, %(payload)s, %(received)s, %(attempts)s, %(received)s) "
                "on conflict (key) do nothing",
                {
                    "key": delivery.key, "kind": delivery.kind, "payload": payload, "received": delivery.received,
                    "attempts": delivery.attempts,
                },
            )
        return stored.rowcount > 0

    def pending(self, now: datetime) -> list[Delivery]:
        with self.reading() as db:
            rows = db.execute(
                "select key, kind, payload, received, attempts from stagedoor.deliveries "
                "where finished is null and turn <= %s order by place", [now],
            ).fetchall()
        return [
            Delivery(
                key=row["key"], kind=row["kind"], payload=json.loads(row["payload"]),
                received=row["received"].astimezone(UTC), attempts=row["attempts"],
            )
            for row in rows
        ]

    def postpone(self, key: str, until: datetime) -> None:
        """Nothing happens to a delivery that is finished or unknown."""
        with self.reading(outcome=UNKNOWN) as db:
            db.execute(
                "update stagedoor.deliveries set turn = %s, attempts = attempts + 1 "
                "where key = %s and finished is null", [until, key],
            )

    def prune(self, before: datetime) -> int:
        """Forget the keys of deliveries that were finished before then; returns how many.

        Keys that `append` was given for something that never was in the inbox are kept.
        """
        with self.reading() as db:
            return db.execute(
                "delete from stagedoor.deliveries where finished < %s and kind <> ''", [before],
            ).rowcount

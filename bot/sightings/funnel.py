"""The one way into the accounts: batches of all sources that arrive at once share one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock

import structlog

from bot.domain.sighting import Batch, Folded
from bot.ports import Tallies

log = structlog.get_logger(__name__)

AT_ONCE = 20_000
"""Sightings of one transaction: what queues behind them waits for the next, so that no other writer waits long."""


@dataclass(eq=False)
class Ticket:
    """A batch on its way into the store, and the word on what became of it."""

    batch: Batch
    failure: BaseException | None = None
    done: Event = field(default_factory=Event)


class Funnel:
    """Folds batches; `on_folded` hears of each fold that counted anything, on the thread that folded."""

    def __init__(self, tallies: Tallies, on_folded: Callable[[Folded], None]) -> None:
        self._tallies, self._on_folded = tallies, on_folded
        self._queue, self._queueing, self._folding = list[Ticket](), Lock(), Lock()

    def fold(self, batch: Batch) -> None:
        """Return once the batch is in the store for good. Raises `Unreachable` with nothing of it written."""
        ticket = Ticket(batch)
        with self._queueing:
            self._queue.append(ticket)
        while not ticket.done.is_set():
            # Whoever comes first folds for all who queued up behind an earlier fold.
            with self._folding:
                if not ticket.done.is_set():
                    self._fold_some()
        if ticket.failure is not None:
            raise ticket.failure

    def _fold_some(self) -> None:
        taken = self._taken()
        folded = Folded()
        try:
            folded = self._tallies.fold([ticket.batch for ticket in taken])
        except BaseException as failure:
            for ticket in taken:
                ticket.failure = failure
            if not isinstance(failure, Exception):
                raise
        finally:
            for ticket in taken:
                ticket.done.set()
        if folded.counted:
            try:
                self._on_folded(folded)
            except Exception:
                log.exception("folded.unheard")

    def _taken(self) -> list[Ticket]:
        with self._queueing:
            size = count = 0
            for ticket in self._queue:
                size += len(ticket.batch.sightings)
                if count and size > AT_ONCE:
                    break
                count += 1
            taken, self._queue = self._queue[:count], self._queue[count:]
        return taken

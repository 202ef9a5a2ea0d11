"""Looks after a running statement: who blocks it, how far it is, was Stagedoor asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from bot.domain.entry import Json
from bot.migrations import locks
from bot.migrations.progress import how_far
from bot.migrations.session import ConnectionLost, Session
from bot.ports import Noting

_CANCELLED = 10.0
"""How many seconds a statement that was cancelled may take to end; one that cannot be is left to the server."""

LONG = 2.0
"""After how many seconds a statement counts as long: from then on it is told how far it is."""
_STEPS = 5
_LENIENCE = 0.25
"""How many seconds the server has to keep to lock_timeout by itself."""
"""The time of a long statement is told in steps of so many seconds."""

Seen = dict[str, Json]


def telling(noting: Noting, number: int, of: int) -> Callable[[Seen], None]:
    """Tells which statement runs, now and whenever the watch has seen more of it."""
    def tell(seen: Seen) -> None:
        noting.progress({"statement": number, "of": of, **seen})

    tell({})
    return tell


class Watch:
    """Called at every tick of the session's wait; there is no thread."""

    def __init__(
        self, session: Session, stopping: Callable[[], bool], *, grace: float, lock_timeout: float,
        statement_timeout: float, longest_wait: float | None = None,
    ) -> None:
        """`longest_wait`: after how many seconds of waiting for one lock it is cancelled, whatever the file has set."""
        self._session = session
        self._stopping = stopping
        self._grace = grace
        session.wait_for(statement_timeout)
        self._every = min(0.5, lock_timeout / 4)
        self.blockers: tuple[str, ...] = ()
        self.now: tuple[str, ...] = ()
        self.cancelled = False
        self._cancelled_at = 0.0
        self._longest_wait = longest_wait
        self.waited_too_long = False
        self._blind = False
        self.begin()

    def begin(self, still: Callable[[Seen], None] = lambda seen: None) -> None:
        """A statement is about to be sent; `still` is told now and then how it goes."""
        self._still = still
        self._begun = time.monotonic()
        self._look_at = self._begun + self._every
        self._stop_seen = 0.0
        self.blockers = self.now = ()

    def tick(self) -> None:
        """Look once. Raises `ConnectionLost` when what was cancelled does not end."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._every
            self._still(self._look(now - self._begun))
        if self._stopping():
            self._stop(now)
        if self.cancelled and now - self._cancelled_at > _CANCELLED:
            raise ConnectionLost(f"{self._session.name} did not end a statement that was cancelled")

    def _look(self, seconds: float) -> Seen:
        """Best effort: the statement goes on whether or not the second connection can look."""
        seen, doing = dict[str, Json](), f"{self._session.name} answers no question about it"
        try:
            if not self._blind:
                self.now = locks.blockers(self._session)
                self.blockers = self.now or self.blockers
                if self.now:
                    seen["blockers"] = list(self.now)
                    self._not_for_ever()
                doing = how_far(self._session) if seconds >= LONG else ""
        except (psycopg.Error, ConnectionLost):
            self._blind = True
        return seen | {"seconds": int(seconds) // _STEPS * _STEPS, "doing": doing} if seconds >= LONG else seen

    def _not_for_ever(self) -> None:
        """A block that sets lock_timeout aside for itself would have everybody queue behind it."""
        if self._longest_wait is None or self.waited_too_long:
            return
        if locks.waiting(self._session) > self._longest_wait + _LENIENCE:
            self.waited_too_long = True
            self._session.cancel()

    def _stop(self, now: float) -> None:
        self._stop_seen = self._stop_seen or now
        if not self.cancelled and now - self._stop_seen >= self._grace:
            self.cancelled, self._cancelled_at = True, now
            self._session.cancel()

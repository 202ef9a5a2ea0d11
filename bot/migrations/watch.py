"""Looks after a running statement: who blocks it, was Stagedoor asked to stop, does the server still answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from bot.migrations import locks
from bot.migrations.session import ConnectionLost, Session

_SILENCE = 60.0
"""How many seconds past its own limit a statement may stay without an answer before the connection counts as lost."""


class Watch:
    """Called at every tick of the session's wait; there is no thread."""

    def __init__(
        self, session: Session, stopping: Callable[[], bool], *, grace: float, lock_timeout: float,
        statement_timeout: float,
    ) -> None:
        self._session = session
        self._stopping = stopping
        self._grace = grace
        self._patience = statement_timeout + _SILENCE
        self._every = min(0.5, lock_timeout / 4)
        self.blockers: tuple[str, ...] = ()
        self.cancelled = False
        self.begin()

    def begin(self, still: Callable[[], None] = lambda: None) -> None:
        """A statement is about to be sent; `still` is called now and then while it runs."""
        self._still = still
        self._begun = time.monotonic()
        self._look_at = self._begun + self._every
        self._stop_seen = 0.0
        self.blockers = ()

    def tick(self) -> None:
        """Look once. Raises `ConnectionLost` when the server stays silent for too long."""
        self.silence()
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._every
            self._still()
            self._find_blockers()
        if self._stopping():
            self._stop(now)

    def silence(self) -> None:
        """Look only whether the server should have answered by now: a COMMIT is not cancelled."""
        if time.monotonic() - self._begun > self._patience:
            raise ConnectionLost(f"{self._session.name} stayed silent past the statement's own time limit")

    def _find_blockers(self) -> None:
        """Best effort: the statement goes on whether or not the second connection can look."""
        try:
            self.blockers = locks.blockers(self._session) or self.blockers
        except (psycopg.Error, ConnectionLost):
            self._look_at = float("inf")

    def _stop(self, now: float) -> None:
        self._stop_seen = self._stop_seen or now
        if not self.cancelled and now - self._stop_seen >= self._grace:
            self.cancelled = True
            self._session.cancel()
            self._patience = now - self._begun + 10  # a statement that cannot be cancelled is left to the server

"""A connection to Postgres that is given up when the server stays silent; psycopg itself would wait without an end.

A server that hangs, or a pooler that swallows what it is given, breaks no connection: TCP sees nothing wrong.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.rows import Row


class Answering(psycopg.Connection[Row]):
    """Each exchange may take `patience` seconds (None: as long as it takes); then the connection is lost."""

    patience: float | None = 45.0
    """More than the server's own limit for our words, which is thirty."""

    def wait(self, gen: Generator[Any, Any, Any], *more: Any, **how: Any) -> Any:
        """Every exchange of psycopg's own goes through here."""
        return super().wait(self._limited(gen), *more, **how)

    def _limited(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        begun = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and self.patience is not None and time.monotonic() - begun > self.patience:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer within {self.patience:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

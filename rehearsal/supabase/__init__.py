"""A stand-in for Supabase's Management API: its logs endpoint over real sockets, and a Python side for tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rehearsal.postgres import Postgres
from rehearsal.slack.server import Server
from rehearsal.supabase.draining import Drain
from rehearsal.supabase.server import Api
from rehearsal.supabase.table import LogTable
from rehearsal.supabase.tailing import LOGGING, Tail

__all__ = ["LOGGING", "PRODUCTION_REF", "STAGING_REF", "TOKEN", "Drain", "Supabase"]

TOKEN = "sbp_rehearsal0123456789abcdef0123456789abcdef"
STAGING_REF, PRODUCTION_REF = "stagingstagingstagin", "productionproduction"


class Supabase:
    """Knows the projects in `refs`. `api_url` is what SUPABASE_API_URL is set to; `api` makes bad days to order."""

    def __init__(self, *refs: str, token: str = TOKEN, port: int = 0, limit: int = 30) -> None:
        self.table = LogTable()
        self.api = Api(table=self.table, token=token, refs=set(refs or (STAGING_REF, PRODUCTION_REF)), limit=limit)
        self._server = Server(self.api.routes(), "127.0.0.1", port)
        self._numbers = itertools.count(1)
        self._tails: list[Tail] = []
        self._drains: list[Drain] = []

    @property
    def api_url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        for tail in self._tails:
            tail.stop()
        for drain in self._drains:
            drain.close()
        self._server.stop()

    def log(
        self, message: str, at: datetime | None = None, *, ref: str = PRODUCTION_REF, source: str = "postgres_logs",
        id: str = "", **attributes: Any,
    ) -> str:
        """One event, with its fields by path (`parsed__error_severity="ERROR"`); returns its id."""
        id = id or f"00000000-0000-4000-8000-{next(self._numbers):012}"
        named = {key.replace("__", "."): value for key, value in attributes.items()}
        self.add(ref, [{
            "id": id, "at": at or datetime.now(UTC), "message": message, "source": source, "attributes": named,
        }])
        return id

    def error(self, message: str, at: datetime | None = None, *, state: str = "42P01", **more: Any) -> str:
        """An ERROR of Postgres."""
        return self.log(message, at, **{
            "parsed__error_severity": "ERROR", "parsed__sql_state_code": state, "parsed__user_name": "anon", **more,
        })

    def add(self, ref: str, rows: list[dict[str, Any]]) -> None:
        """Rows with `id`, `at`, `message`, `source` and `attributes`."""
        self.table.add(ref, rows)

    def follow(self, postgres: Postgres, refs: Mapping[str, str], drain: Drain | None = None) -> Tail:
        """Log what a server (with the settings `LOGGING`) logs; `refs` says which database is which project.

        With a drain the rows of these two refs are delivered as well, each to its environment.
        """
        def add(ref: str, rows: list[dict[str, Any]]) -> None:
            self.add(ref, rows)
            if drain is not None:
                drain.deliver(rows, environment="staging" if ref == STAGING_REF else "production")

        tail = Tail(postgres.directory, refs, add)
        self._drains += [drain] if drain else []
        self._tails.append(tail)
        tail.start()
        return tail

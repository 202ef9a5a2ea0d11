"""Log events as a drain sends them, hand-made after the documented shapes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""Where `tests.clocks.SetClock` and the stage's clock begin."""


def micros(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def event(message: str, at: datetime = NOON, *, id: str = "", source: str = "", **metadata: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": id or str(uuid.uuid4()), "timestamp": micros(at), "event_message": message}
    return made | ({"metadata": metadata} if metadata else {}) | ({"source": source} if source else {})


def postgres(
    message: str, at: datetime = NOON, *, severity: str = "ERROR", state: str = "42P01", id: str = "", **parsed: Any,
) -> dict[str, Any]:
    """An event of Postgres' log."""
    told = {
        "error_severity": severity, "sql_state_code": state, "user_name": "anon", "database_name": "postgres",
        "session_id": "6a8681aa.25", "process_id": 4242, "backend_type": "client backend",
        "connection_from": "203.0.113.7:51234", **parsed,
    }
    return event(message, at, id=id, parsed=told, host="db-abcdefghijklmnopqrst")

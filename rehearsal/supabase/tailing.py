"""What the embedded Postgres really logs, put into the `logs` table as Supabase would: its own JSON log, followed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

LOGGING: Final[Mapping[str, str]] = {
    "logging_collector": "on", "log_destination": "jsonlog", "log_directory": "log", "log_filename": "server",
    "log_timezone": "UTC", "log_min_duration_statement": "1000",
}
"""Settings for `Postgres(settings=…)`, under which its log can be followed."""

_KEYS: Final = {
    "error_severity": "error_severity", "state_code": "sql_state_code", "user": "user_name", "dbname": "database_name",
    "session_id": "session_id", "pid": "process_id", "backend_type": "backend_type", "ps": "command_tag",
    "remote_host": "connection_from", "application_name": "application_name", "query_id": "query_id",
}


class Tail:
    """Follows one server's log; each database may be a project of its own (`refs`: database name to ref)."""

    def __init__(
        self, directory: Path, refs: Mapping[str, str], add: Callable[[str, list[dict[str, Any]]], None],
    ) -> None:
        self._path, self._refs, self._add = directory / "data/log/server.json", refs, add
        self._place, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._follow, name="tail", daemon=True)

    def start(self) -> None:
        """Follow from here on, every quarter of a second."""
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def take(self) -> int:
        """Put in what was logged since the last time; returns how many rows."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for line in self._lines():
            told = json.loads(line)
            if ref := self._refs.get(told.get("dbname", "")):
                rows.setdefault(ref, []).append(_row(told))
        for ref, made in rows.items():
            self._add(ref, made)
        return sum(map(len, rows.values()))

    def _lines(self) -> Iterator[bytes]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                yield line

    def _follow(self) -> None:
        while not self._stop.wait(0.25):
            self.take()


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    parsed = {f"parsed.{name}": told[key] for key, name in _KEYS.items() if key in told}
    if told.get("remote_port"):
        parsed["parsed.connection_from"] = f"{told['remote_host']}:{told['remote_port']}"
    at = datetime.strptime(told["timestamp"].removesuffix(" UTC"), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    return {
        "id": f"{told.get('session_id', 'none')}.{told.get('line_num', 0)}", "at": at, "source": "postgres_logs",
        "message": told.get("message", ""), "attributes": parsed,
    }

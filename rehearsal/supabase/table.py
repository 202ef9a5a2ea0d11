"""The `logs` table: ClickHouse's SQL, as far as the endpoint is known to take it, run by SQLite."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

MOST_ROWS = 1000
FUNCTIONS = {"count", "min", "max", "toint32orzero", "tounixtimestamp64milli", "positioncaseinsensitiveutf8", "multiif"}
"""What was seen to work; anything else is refused, as countIf and starts_with were."""
SOURCES = frozenset({
    "edge_logs", "postgres_logs", "postgrest_logs", "auth_logs", "auth_audit_logs", "storage_logs", "realtime_logs",
    "function_edge_logs", "function_logs", "supavisor_logs", "pgbouncer_logs", "pg_upgrade_logs",
})

_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'")
_ATTRIBUTE = re.compile(r"log_attributes\[('(?:[^']|'')*')\]")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_TABLE = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_WORDS = frozenset({"and", "or", "in", "where", "not", "from", "select", "by", "as", "on", "values"})


class QueryFailed(Exception):
    """What the endpoint says with status 200."""


class LogTable:
    """Rows of all projects; each query sees one project and one span of time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA case_sensitive_like = on")
        self._db.create_function("toInt32OrZero", 1, _int32_or_zero, deterministic=True)
        self._db.create_function("multiIf", -1, _multi_if, deterministic=True)
        self._db.execute(
            "CREATE TABLE rows (ref TEXT, id TEXT, ms INTEGER, event_message TEXT, severity_text TEXT, source TEXT, "
            "log_attributes TEXT)",
        )
        self._db.execute("CREATE INDEX rows_by_time ON rows (ref, ms, id)")

    def add(self, ref: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Each with `id`, `at`, `message`, `source` and `attributes`."""
        made = []
        for row in rows:
            if row["source"] not in SOURCES:
                raise ValueError(f"no log has the source {row['source']}")
            attributes = {str(key): str(value) for key, value in row["attributes"].items()}
            made.append((
                ref, row["id"], int(row["at"].timestamp() * 1000), row["message"], attributes.get("level", ""),
                row["source"], json.dumps(attributes),
            ))
        with self._lock:
            self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", made)

    def clear(self) -> None:
        """Forget every row."""
        with self._lock:
            self._db.execute("DELETE FROM rows")

    def ask(self, ref: str, sql: str, begin: datetime, end: datetime) -> list[dict[str, Any]]:
        """The rows that a query gives. Raises `QueryFailed`."""
        text = respelled(sql)
        span = {"ref": ref, "begin": int(begin.timestamp() * 1000), "end": int(end.timestamp() * 1000)}
        table = (
            "WITH logs AS (SELECT id, ms, event_message, severity_text, source, log_attributes, "
            "strftime('%Y-%m-%dT%H:%M:%f', ms / 1000.0, 'unixepoch') AS timestamp "
            "FROM rows WHERE ref = :ref AND ms >= :begin AND ms < :end) "
        )
        with self._lock:
            try:
                cursor = self._db.execute(table + text, span)
                found = cursor.fetchmany(MOST_ROWS)
            except sqlite3.Error as error:
                raise QueryFailed(f"Query failed: {error}") from None
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found]


def respelled(sql: str) -> str:
    """SQLite's spelling. Raises `QueryFailed` for what the endpoint would not take."""
    if not sql.lstrip().lower().startswith("select") or ";" in _STRING.sub("''", sql):
        raise QueryFailed("Only a single SELECT is allowed.")
    strings: list[str] = []

    def aside(match: re.Match[str]) -> str:
        strings.append(match[0])
        return f"\x01{len(strings) - 1}\x02"

    text = _STRING.sub(aside, sql)
    for name in _CALL.findall(text):
        if name.lower() not in FUNCTIONS and name.lower() not in _WORDS:
            raise QueryFailed("Backend error! Retry your query. Please contact support if this continues.")
    for table in _TABLE.findall(text):
        if table.lower() != "logs":
            raise QueryFailed(f'Table "{table}" does not exist.')
    text = re.sub(r"log_attributes\[\x01(\d+)\x02\]", lambda m: _extracted(strings[int(m[1])]), text)
    text = re.sub(r"toUnixTimestamp64Milli\(timestamp\)", "ms", text)
    return re.sub(r"\x01(\d+)\x02", lambda m: strings[int(m[1])].replace("\\\\", "\\"), text)


def _extracted(key: str) -> str:
    return f"coalesce(json_extract(log_attributes, '$.\"{key[1:-1]}\"'), '')"


def _int32_or_zero(text: object) -> int:
    said = str(text)
    return int(said) if re.fullmatch(r"-?\d{1,9}", said) else 0


def _multi_if(*told: Any) -> Any:
    """The value behind the first condition that holds, or the last one."""
    return next((value for holds, value in zip(told[::2], told[1::2], strict=False) if holds), told[-1])


def moment(text: str) -> datetime:
    """A time as the endpoint takes it: with `Z`, not with `+00:00`. Raises `ValueError`."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z", text):
        raise ValueError(text)
    return datetime.fromisoformat(text).astimezone(UTC)

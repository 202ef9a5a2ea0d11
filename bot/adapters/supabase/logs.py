"""The logs endpoint of the Management API: ClickHouse SQL over one table, and what each of its refusals means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx

from bot.domain.answers import OF_PATH, service_of
from bot.domain.sighting import Source
from bot.ports import PAGE, Clock, Cursor, Page, PollTrouble, Requests, Row

Told = TypeVar("Told")

TIMEOUT: Final = 10.0
LEAST_WAIT: Final = timedelta(seconds=60)
"""After a 429, whatever it says: the limit holds for the rest of the minute."""
LEFT_ALONE: Final = 3
"""Requests of the project's limit that are left to others who use the same token."""

# `like`, `in` and the functions that Supabase's own CLI uses; others were seen to be refused.
_BAD: Final = "('ERROR', 'FATAL', 'PANIC')"
_COUNTS: Final = f"""
    (source = 'postgres_logs' and (log_attributes['parsed.error_severity'] in {_BAD}
        or event_message like 'duration: %'))
    or (source in ('edge_logs', 'function_edge_logs') and toInt32OrZero(log_attributes['response.status_code']) >= 500)
    or (source = 'function_logs' and (log_attributes['level'] in ('error', 'fatal')
        or log_attributes['event_type'] = 'UncaughtException'))
    or (source = 'auth_logs' and (log_attributes['level'] in ('error', 'fatal', 'panic')
        or toInt32OrZero(log_attributes['status']) >= 500))
    or (source = 'storage_logs' and (log_attributes['level'] in ('error', 'fatal')
        or toInt32OrZero(log_attributes['res.statusCode']) >= 500))
    or (source = 'postgrest_logs' and (event_message like '%PGRST%' or event_message like '%ailed%'
        or event_message like '%rror%' or event_message like '%HTTP/1.1" 5%'))
"""
_KEYS: Final = (
    "parsed.error_severity", "parsed.sql_state_code", "parsed.user_name", "parsed.session_id",
    "parsed.connection_from", "parsed.application_name", "parsed.detail", "parsed.query", "request.method",
    "request.path", "request.pathname", "request.url", "request.headers.cf_connecting_ip", "response.status_code",
    "req.method", "req.url", "res.statusCode", "level", "status", "path", "method", "msg", "error", "component",
    "remote_addr", "event_type", "function_id", "execution_id",
)
_COLUMNS: Final = ", ".join(f"log_attributes['{key}'] as a{number}" for number, key in enumerate(_KEYS))


def query(after: Cursor, until_ms: int) -> str:
    """One page of everything that can count behind a cursor, oldest first."""
    ms, quoted = after.ms, after.id.replace("\\", "\\\\").replace("'", "''")
    return (
        f"select id, toUnixTimestamp64Milli(timestamp) as ts_ms, source, event_message, {_COLUMNS} "  # noqa: S608  (our own words)
        f"from logs where ({_COUNTS}) and toUnixTimestamp64Milli(timestamp) <= {until_ms} "
        f"and (toUnixTimestamp64Milli(timestamp) > {ms} "
        f"or (toUnixTimestamp64Milli(timestamp) = {ms} and id > '{quoted}')) "
        f"order by ts_ms asc, id asc limit {PAGE}"
    )


_LOGS: Final = {
    "edge_logs": Source.EDGE, "function_edge_logs": Source.EDGE_FUNCTION, "auth_logs": Source.AUTH,
    "storage_logs": Source.STORAGE,
}
_PATHS: Final = ", ".join(f"log_attributes['request.path'] like '/{path}/%', '{path}'" for path in OF_PATH)


def requests_query(begin_ms: int, end_ms: int) -> str:
    """How many requests each log tells of, by minute and by the service that the path leads to."""
    return (
        "select source, toUnixTimestamp64Milli(timestamp) - toUnixTimestamp64Milli(timestamp) % 60000 as minute_ms, "  # noqa: S608  (our own words)
        f"multiIf(source <> 'edge_logs', '', {_PATHS}, '') as path, count() as n from logs "
        "where (source in ('edge_logs', 'function_edge_logs') or (source = 'auth_logs' and log_attributes['status'] "
        "<> '') or (source = 'storage_logs' and log_attributes['res.statusCode'] <> '')) "
        f"and toUnixTimestamp64Milli(timestamp) >= {begin_ms} and toUnixTimestamp64Milli(timestamp) < {end_ms} "
        "group by source, minute_ms, path"
    )


class ManagementLogs:
    """The logs of one project, by its ref. Its errors never hold the token."""

    def __init__(self, client: httpx.Client, api_url: str, token: str, ref: str, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._url = f"{api_url.rstrip('/')}/v1/projects/{ref}/analytics/endpoints/logs"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def page(self, after: Cursor, end: datetime) -> Page:
        """The rows behind `after` up to `end`. Raises `PollTrouble`."""
        begin = datetime.fromtimestamp(after.ms / 1000, UTC).replace(second=0, microsecond=0)
        # Rounded to the minute by the server, which refuses more than 24 hours of it.
        last = min(end + timedelta(minutes=1), begin + timedelta(hours=24))
        sql = query(after, int(end.timestamp() * 1000))
        answer = self._asked(sql, begin, last)
        rows = self._rows(answer, _row)
        return Page(rows=rows, resume=self._spared(answer))

    def requests(self, begin: datetime, end: datetime) -> list[Requests]:
        """How many requests there were from one full minute to just before another. Raises `PollTrouble`."""
        sql = requests_query(int(begin.timestamp() * 1000), int(end.timestamp() * 1000))
        return self._rows(self._asked(sql, begin, end), _requests)

    def _asked(self, sql: str, begin: datetime, end: datetime) -> httpx.Response:
        parameters = {
            "sql": sql, "iso_timestamp_start": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
            "iso_timestamp_end": f"{end:%Y-%m-%dT%H:%M:00Z}",
        }
        try:
            answer = self._client.get(self._url, params=parameters, headers=self._headers, timeout=TIMEOUT)
        except httpx.TimeoutException:
            raise PollTrouble(f"The Management API did not answer within {TIMEOUT:g} s.") from None
        except httpx.HTTPError as trouble:
            raise PollTrouble(f"The Management API does not answer ({type(trouble).__name__}).") from None
        if answer.status_code != 200:
            raise self._refusal(answer)
        return answer

    def _rows(self, answer: httpx.Response, read: Callable[[dict[str, Any]], Told]) -> list[Told]:
        try:
            told = answer.json()
            if error := told.get("error"):
                raise _failed(error)
            return [read(row) for row in told.get("result") or ()]
        except (ValueError, AttributeError, KeyError, TypeError):
            raise PollTrouble("The Management API answered something else than rows.") from None

    def _spared(self, answer: httpx.Response) -> datetime | None:
        """When to go on, where hardly any request of this minute is left."""
        remaining, reset = answer.headers.get("X-RateLimit-Remaining", ""), answer.headers.get("X-RateLimit-Reset", "")
        if remaining.isdigit() and int(remaining) <= LEFT_ALONE:
            return self._clock.now() + timedelta(seconds=min(int(reset) if reset.isdigit() else 60, 300))
        return None

    def _refusal(self, answer: httpx.Response) -> PollTrouble:
        status = answer.status_code
        if status == 429:
            until = self._clock.now() + max(_after(answer, self._clock.now()), LEAST_WAIT)
            return PollTrouble(f"The Management API's limit is used up until {until:%H:%M:%S} UTC.", until=until)
        sentence, wait = _REFUSALS.get(status, (f"The Management API answered {status}.", timedelta(0)))
        return PollTrouble(sentence, until=self._clock.now() + wait if wait else None)


_REFUSALS: Final = {
    401: ("The Management API does not take SUPABASE_ACCESS_TOKEN: put a valid one there.", timedelta(minutes=5)),
    402: ("The project's allowance for log queries is used up: set up a log drain, or raise it.", timedelta(hours=1)),
    403: ("SUPABASE_ACCESS_TOKEN lacks the right analytics_logs_read.", timedelta(minutes=5)),
    404: ("The Management API knows no project of this ref: see STAGING_PROJECT_REF and PRODUCTION_PROJECT_REF.",
          timedelta(minutes=5)),
    410: ("Supabase took this logs endpoint away: a newer Stagedoor is needed, or a log drain.", timedelta(hours=6)),
}


def _failed(error: object) -> PollTrouble:
    """A query that failed comes with status 200; some good ones fail at random."""
    said = str(error.get("message", error) if isinstance(error, dict) else error)
    return PollTrouble(f"The log query failed ({said[:200]}).", again="backend error" in said.lower())


def _after(answer: httpx.Response, now: datetime) -> timedelta:
    for header in ("Retry-After", "X-RateLimit-Reset"):
        said = answer.headers.get(header, "")
        if said.isdigit():
            return timedelta(seconds=min(int(said), 3600))
        try:
            return min(max(parsedate_to_datetime(said) - now, timedelta(0)), timedelta(hours=1))
        except (ValueError, TypeError):
            continue
    return timedelta(0)


def _requests(row: dict[str, Any]) -> Requests:
    source = _LOGS[str(row["source"])]
    return Requests(service_of(source, str(row["path"])), source, int(row["minute_ms"]) // 60_000, int(row["n"]))


def _row(row: dict[str, Any]) -> Row:
    flat = {key: str(value) for number, key in enumerate(_KEYS) if (value := row.get(f"a{number}")) not in (None, "")}
    return Row(
        id=str(row["id"]), ms=int(row["ts_ms"]), source=str(row.get("source") or ""),
        message=str(row.get("event_message") or ""), attributes=flat,
    )

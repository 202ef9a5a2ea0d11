"""What counts in the logs beside Postgres' own: edge functions, auth, storage, PostgREST, and answers of 500 and above.

Whoever sends logs does not always say of which source they are; then the fields tell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bot.domain.answers import Service, service_of
from bot.domain.sighting import Severity, Source
from bot.sightings.functions import broken
from bot.sightings.masking import READ, plain
from bot.sightings.paths import called, path_template
from bot.sightings.shapes import Metadata, Request, Wire

_BAD = frozenset({"error", "fatal", "panic", "critical", "50", "60"})
_ACCESS = re.compile(r'"(?P<method>[A-Z]{3,8}) (?P<path>\S{1,500}) HTTP/[\d.]{1,3}" (?P<status>5\d\d)\b')
_ITS_ERROR = re.compile(r'"code"\s?:\s?"(?P<code>PGRST\w{1,5})"')
_FAILED = re.compile(r"\b(?:[Ff]ailed|[Ff]atal|[Ee]rror|refused|[Tt]imed? ?out)\b")


SOURCES = {
    "edge_logs": Source.EDGE, "function_edge_logs": Source.EDGE_FUNCTION, "function_logs": Source.EDGE_FUNCTION,
    "auth_logs": Source.AUTH, "storage_logs": Source.STORAGE, "postgrest_logs": Source.POSTGREST,
}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What an event of another source says."""

    source: Source
    severity: Severity
    shape: tuple[str, ...]
    template: str
    message: str
    objects: tuple[str, ...] = ()
    address: str = ""


def log_of(event: Wire, metadata: Metadata) -> str:
    """Which log it is of, as the platform names it; empty where nothing tells."""
    return event.source or _by_shape(metadata)


def asked(log: str, metadata: Metadata) -> tuple[Service, Source] | None:
    """Whose answer to a request it tells of, well or not; None for what is no request."""
    match log:
        case "edge_logs" | "function_edge_logs":
            source = Source.EDGE if log == "edge_logs" else Source.EDGE_FUNCTION
            request = metadata.request or Request()
            return service_of(source, _path_of(request)), source
        case "auth_logs" if metadata.status not in (None, ""):
            return Service.AUTH, Source.AUTH
        case "storage_logs" if _status(metadata) not in (None, ""):
            return Service.STORAGE, Source.STORAGE
    return None


def trouble(log: str, event: Wire, metadata: Metadata) -> Trouble | None:
    """None for what does not count."""
    match log:
        case "edge_logs":
            return _answered(Source.EDGE, event, metadata)
        case "function_edge_logs":
            return _answered(Source.EDGE_FUNCTION, event, metadata)
        case "function_logs":
            return _function(event, metadata)
        case "auth_logs":
            return _service(Source.AUTH, event, metadata, metadata.status, metadata)
        case "storage_logs":
            return _service(Source.STORAGE, event, metadata, _status(metadata), metadata.req)
        case "postgrest_logs":
            return _postgrest(event)
    return None


def _by_shape(metadata: Metadata) -> str:
    if metadata.request is not None or metadata.response is not None:
        return "function_edge_logs" if metadata.function_id or metadata.execution_id else "edge_logs"
    if metadata.event_type is not None or metadata.execution_id is not None:
        return "function_logs"
    if metadata.req is not None or metadata.res is not None:
        return "storage_logs"
    if metadata.component is not None or metadata.msg is not None or metadata.status is not None:
        return "auth_logs"
    return "postgrest_logs" if metadata.level is None else ""


def _number(value: object) -> int:
    text = str(value)
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else 0


def _status(metadata: Metadata) -> object:
    response = metadata.response or metadata.res
    if response is None:
        return None
    return response.statusCode if response.status_code is None else response.status_code


def _path_of(request: Request) -> str:
    """The path, with or without what was asked of it."""
    address = request.path or request.pathname or request.url or ""
    if address.startswith("/"):
        return address
    _, _, behind = address.partition("://")
    return "/" + behind.partition("/")[2] if behind else address


def _answered(source: Source, event: Wire, metadata: Metadata) -> Trouble | None:
    status = _number(_status(metadata))
    if status < 500:
        return None
    request = metadata.request or Request()
    path = path_template(_path_of(request))
    method = request.method if request.method and request.method.isalpha() and len(request.method) < 10 else "?"
    headers = request.headers
    return Trouble(
        source=source, severity=Severity.HTTP_5XX, shape=(method, path, str(status)),
        template=f"{method} {path} answered {status}", message=event.event_message or "", objects=called(path),
        address=(headers and (headers.cf_connecting_ip or headers.x_real_ip)) or "",
    )


def _function(event: Wire, metadata: Metadata) -> Trouble | None:
    if str(metadata.level).lower() not in _BAD and metadata.event_type != "UncaughtException":
        return None
    found = broken(event.event_message or "")
    return Trouble(
        source=Source.EDGE_FUNCTION, severity=Severity.ERROR, shape=(metadata.function_id or "", found.shape),
        template=found.template, message=event.event_message or "",
    )


def _service(
    source: Source, event: Wire, metadata: Metadata, answered: object, asked: Metadata | Request | None,
) -> Trouble | None:
    status = _number(answered)
    if status < 500 and str(metadata.level).lower() not in _BAD:
        return None
    said = plain(metadata.error or metadata.msg or _inside(event.event_message or ""))
    address = (asked.url if isinstance(asked, Request) else None) or (asked and asked.path) or ""
    path = path_template(address) if address else ""
    where = f"{path}: " if path else ""
    answer = f" (answered {status})" if status >= 500 else ""
    return Trouble(
        source=source, severity=Severity.HTTP_5XX if status >= 500 else Severity.ERROR, shape=(path, said, answer),
        template=f"{where}{said}{answer}", message=event.event_message or "", address=metadata.remote_addr or "",
    )


def _inside(message: str) -> str:
    """The error of a message that is JSON itself, as those of auth are."""
    if message.startswith("{") and len(message) < 4 * READ:
        try:
            told = json.loads(message)
        except (ValueError, RecursionError):
            return message
        found = told.get("error") or told.get("msg") or told.get("message")
        return found if isinstance(found, str) else message
    return message


def _postgrest(event: Wire) -> Trouble | None:
    message = (event.event_message or "")[:READ]
    if access := _ACCESS.search(message):
        path, status = path_template(access["path"]), access["status"]
        return Trouble(
            source=Source.POSTGREST, severity=Severity.HTTP_5XX, shape=(access["method"], path, status),
            template=f"{access['method']} {path} answered {status}", message=message, objects=called(path),
        )
    its = _ITS_ERROR.search(message)
    if not its and not _FAILED.search(message):
        return None
    said = plain(_inside(message[message.index("{"):] if its and "{" in message else message))
    code = its["code"] if its else ""
    return Trouble(
        source=Source.POSTGREST, severity=Severity.ERROR, shape=(code, said), message=message,
        template=f"{code}: {said}" if code else said,
    )

"""The fields of log events that are looked at, whatever else there is, and the times they come with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec

Scalar: TypeAlias = str | int | float | None


class Parsed(msgspec.Struct, gc=False):
    """What Postgres said beside the message."""

    error_severity: str | None = None
    sql_state_code: Scalar = None
    user_name: str | None = None
    session_id: str | None = None
    connection_from: str | None = None
    application_name: str | None = None
    detail: str | None = None
    query: str | None = None


class Headers(msgspec.Struct, gc=False):
    cf_connecting_ip: str | None = None
    x_real_ip: str | None = None


class Request(msgspec.Struct, gc=False):
    method: str | None = None
    path: str | None = None
    pathname: str | None = None
    url: str | None = None
    headers: Headers | None = None


class Response(msgspec.Struct, gc=False):
    status_code: Scalar = None
    statusCode: Scalar = None


class Metadata(msgspec.Struct, gc=False):
    """The fields of all sources that are looked at."""

    parsed: Parsed | None = None
    request: Request | None = None
    response: Response | None = None
    req: Request | None = None
    res: Response | None = None
    level: Scalar = None
    status: Scalar = None
    path: str | None = None
    method: str | None = None
    msg: str | None = None
    error: str | None = None
    component: str | None = None
    remote_addr: str | None = None
    event_type: str | None = None
    function_id: str | None = None
    execution_id: str | None = None
    project: str | None = None
    host: str | None = None


class Wire(msgspec.Struct, gc=False):
    """One event. `timestamp` is microseconds since 1970 or ISO text."""

    id: Scalar = None
    timestamp: Scalar = None
    event_message: str | None = None
    metadata: Metadata | None = None
    source: str | None = None
    identifier: str | None = None
    project: str | None = None
    log_attributes: dict[str, Any] | None = None


def nested(flat: Mapping[str, object]) -> dict[str, object]:
    """`{"parsed.error_severity": …}` as nested objects."""
    found: dict[str, object] = {}
    for path, value in flat.items():
        *above, last = str(path).split(".")
        inner: Any = found
        for part in above:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                break
        else:
            inner[last] = value
    return found


def from_attributes(flat: Mapping[str, object]) -> Metadata | None:
    """The fields of a flat map; None for none that can be read."""
    try:
        return msgspec.convert(nested(flat), Metadata, strict=False) if flat else None
    except msgspec.ValidationError:
        return None


EPOCH: Final = datetime.fromtimestamp(0, UTC)
_FIRST, _LAST = 10**15, 4 * 10**15
"""Microseconds of 2001 and 2096: what lies outside is no time in microseconds."""


def micros_of(stamp: str | int | float | None) -> float | None:
    """Microseconds since 1970, whether they come as such, as another unit or as text; None for what is no time."""
    if type(stamp) is int and _FIRST <= stamp <= _LAST:    # as good as always
        return stamp
    if isinstance(stamp, str):
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            return micros_of(int(stamp)) if stamp.isascii() and stamp.isdigit() and len(stamp) < 20 else None
        micros = (at.replace(tzinfo=at.tzinfo or UTC) - EPOCH) / timedelta(microseconds=1)
        return micros if _FIRST <= micros <= _LAST else None
    if stamp is None or isinstance(stamp, bool) or not 0 < stamp < 1e19:
        return None
    if _FIRST <= stamp <= _LAST:
        return stamp
    for unit in (1e6, 1e3, 1e-3):
        if _FIRST <= stamp * unit <= _LAST:
            return stamp * unit
    return None

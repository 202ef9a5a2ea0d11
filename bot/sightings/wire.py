"""A batch of log events as it comes over the wire: the good ones read, each bad one named, none lost for another.

Supabase sends `metadata` nested (with or without lists around each level), the Management API's rows are flat
(`log_attributes`); both end as `Wire`. The fast way decodes the whole batch at once and skips what nobody asks for;
a batch that does not pass is read again, event by event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bot.sightings.shapes import Wire, micros_of, nested

TOO_DEEP: Final = "it is nested too deeply"


@dataclass(frozen=True, slots=True)
class Bad:
    """An event that cannot be read."""

    index: int
    why: str


@dataclass(slots=True)
class Opened:
    """A batch: its events with their places, and the ones that are none."""

    events: list[Wire] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    test: bool = False
    """Whether it is no batch at all but an object without an event: how a new drain is tried out."""


class Malformed(Exception):
    """The body is no JSON that could hold events."""


_FAST: Final = msgspec.json.Decoder(list[Wire])
_RAW: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ONE: Final = msgspec.json.Decoder(Wire)


def opened(body: bytes) -> Opened:
    """The events of a body. Raises `Malformed`."""
    try:
        events = _FAST.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _one_by_one(body)
    if any(event.log_attributes is not None or micros_of(event.timestamp) is None for event in events):
        return _one_by_one(body)
    return Opened(events)


def _one_by_one(body: bytes) -> Opened:
    start = body.lstrip()[:1]
    if start == b"{" or not start:
        return _single(body)
    if start != b"[":
        raise Malformed("the body is not a JSON array of events")
    found = Opened()
    for index, raw in enumerate(_elements(body)):
        event = _read(raw)
        if isinstance(event, Wire):
            found.events.append(event)
        else:
            found.bad.append(Bad(index, event))
    return found


def _single(body: bytes) -> Opened:
    if not body.strip():
        return Opened(test=True)
    event = _read(body)
    if isinstance(event, Wire):
        return Opened([event])
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not {"event_message", "timestamp", "metadata"} & told.keys():
        return Opened(test=True)
    return Opened(bad=[Bad(0, event)])


def _elements(body: bytes) -> Iterator[bytes]:
    try:
        yield from map(bytes, _RAW.decode(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        yield from _cut_apart(body)


_EDGE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*(?:"|\Z)|[\[\]{},]', re.DOTALL)


def _cut_apart(body: bytes) -> Iterator[bytes]:
    """The elements of the outermost array, told by brackets and strings alone: what is inside may be anything."""
    depth, begin, closed = 0, body.index(b"[") + 1, False
    for edge in _EDGE.finditer(body):
        sign = edge.group()
        if sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
        if (sign == b"," and depth == 1) or depth == 0:
            if element := body[begin:edge.start()].strip():
                yield element
            begin, closed = edge.end(), depth == 0
            if closed:
                break
    if rest := body[begin:].strip():
        yield rest if not closed else b"what follows the array: " + rest[:20]


def _read(raw: bytes) -> Wire | str:
    """The event, or what is wrong with it."""
    try:
        event = _ONE.decode(raw)
    except msgspec.ValidationError:
        return _lenient(raw)
    except RecursionError:
        return TOO_DEEP
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _lenient(raw)
    return _lenient(raw) if event.log_attributes is not None else _checked(event)


def _lenient(raw: bytes) -> Wire | str:
    """As the standard library reads it: halves of characters, control characters and text for numbers pass."""
    try:
        told = json.loads(raw.decode(errors="replace"), strict=False)
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return "it is not JSON"
    if not isinstance(told, dict):
        return f"it is {_kind(told)}, not an object"
    try:
        plain = {key: _unwrapped(value) for key, value in told.items() if key != "log_attributes"}
        if isinstance(flat := told.get("log_attributes"), dict):
            plain["metadata"] = nested(flat)
        return _checked(msgspec.convert(plain, Wire, strict=False))
    except msgspec.ValidationError as error:
        return str(error).replace("`", "'")
    except RecursionError:
        return TOO_DEEP


def _unwrapped(value: object) -> object:
    """Without the list around each object that some senders put there, and without nulls."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        return {str(key): _unwrapped(inner) for key, inner in value.items() if inner is not None}
    return value


def _checked(event: Wire) -> Wire | str:
    if micros_of(event.timestamp) is None:
        return "it has no timestamp" if event.timestamp is None else "its timestamp is no time"
    return event


def _kind(value: object) -> str:
    kinds = {bool: "true or false", str: "text", list: "an array", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")

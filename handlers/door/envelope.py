"""Is this request Slack's, and can it be read? Answered before anything else sees the body."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from bot.domain.entry import Json

TOLERANCE = 300  # seconds; Slack's own rule
DIGITS = re.compile(rb"[0-9]{1,12}")
# What JSON may spell and no store can keep: half of a surrogate pair, and NUL. Emoji come as whole pairs,
# so a hit only means that it is worth looking closer.
DOUBTFUL = re.compile(r"\\u(?:d[89a-f]|0000)|\x00", re.IGNORECASE)
MOST_FIELDS = 100


class Malformed(ValueError):
    """The body is not what Slack sends; the message says why."""


def genuine(secret: str, timestamp: bytes, signature: bytes, body: bytes, now: datetime) -> bool:
    """True for a body that Slack signed within the last five minutes."""
    if not DIGITS.fullmatch(timestamp) or abs(now.timestamp() - int(timestamp)) > TOLERANCE:
        return False
    expected = "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature)


def probe(body: bytes) -> bool:
    """True for exactly Slack's probe of the certificate, which it does not sign."""
    if len(body) > 200 or b"ssl_check" not in body:
        return False
    try:
        fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True))
    except ValueError:
        return False
    return fields.get("ssl_check") == "1" and fields.keys() <= {"ssl_check", "token"}


def opened(content_type: str, body: bytes) -> dict[str, Json]:
    """The payload in a signed body. Raises `Malformed`."""
    try:
        text = body.decode("utf-8")
        payload = _json(text) if content_type.partition(";")[0].strip().lower() == "application/json" else _form(text)
    except Malformed:
        raise
    except (ValueError, RecursionError) as exc:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise Malformed(f"the body cannot be read ({type(exc).__name__})") from exc
    _shaped(payload)
    return payload


def frame(text: str) -> dict[str, Json]:
    """A frame of Socket Mode; an envelope's payload is as whole as a signed body's. Raises `Malformed`."""
    try:
        read = _json(text)
    except Malformed:
        raise
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"the frame cannot be read ({type(exc).__name__})") from None
    if read.get("envelope_id"):
        payload = read.get("payload")
        if not isinstance(payload, dict):
            raise Malformed("the envelope is empty")
        _shaped(payload)
    return read


def _form(text: str) -> dict[str, Json]:
    fields = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS))
    if "payload" in fields:
        return _json(fields["payload"])
    if any("\x00" in value for value in fields.values()):
        raise Malformed("the form holds a NUL")
    return {**fields}


def _json(text: str) -> dict[str, Json]:
    value = json.loads(text, parse_constant=_no_number)
    if not isinstance(value, dict):
        raise Malformed("the payload is not an object")
    if DOUBTFUL.search(text):
        for each in _texts(value):
            if "\x00" in each or not _whole(each):
                raise Malformed("the payload holds text that is no text")
    return value


def _no_number(name: str) -> float:
    raise Malformed(f"{name} is no number")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)


def _whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# What each type of payload cannot do without: where it lies, and what must stand there.
NEEDED: Mapping[str, tuple[tuple[str, type], ...]] = {
    "url_verification": (("challenge", str),),
    "event_callback": (("event", dict), ("event.type", str), ("event_id", str)),
    "block_actions": (("actions", list), ("user", dict), ("user.id", str)),
    "view_submission": (
        ("view", dict), ("view.id", str), ("view.type", str), ("view.callback_id", str),
        ("user", dict), ("user.id", str),
    ),
    "view_closed": (("view", dict), ("view.type", str), ("view.callback_id", str), ("user", dict)),
    "shortcut": (("callback_id", str), ("user", dict), ("user.id", str)),
    "message_action": (("callback_id", str), ("user", dict), ("user.id", str)),
}


def _shaped(payload: Mapping[str, Json]) -> None:
    """Refuse a payload that lacks what its type cannot do without."""
    if "command" in payload:
        needed: tuple[tuple[str, type], ...] = (("command", str), ("user_id", str))
    else:
        kind = payload.get("type")
        if not isinstance(kind, str):
            raise Malformed("the payload has no type")
        needed = NEEDED.get(kind, ())
    for path, shape in needed:
        value: Json = dict(payload)
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, shape) or not value:
            raise Malformed(f"`{path}` is missing")
    actions = payload.get("actions")
    for action in actions if isinstance(actions, list) else ():
        if not isinstance(action, dict) or not isinstance(action.get("action_id"), str):
            raise Malformed("`actions` holds something else than actions")

"""From Slack's payloads to our own words: the key of a delivery, and the ask that lies in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from bot.domain.entry import Json, canonical
from bot.ports import Delivery
from handlers.conversation import Ask

KINDS = {
    "block_actions": "action", "view_submission": "view", "shortcut": "shortcut", "message_action": "shortcut",
    "event_callback": "event",
}
MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")
WHERE = re.compile(r"(.*)@([CGD][A-Z0-9]{2,30})", re.DOTALL)
LONGEST_KEY = 200


def delivery(body: Mapping[str, Json], received: datetime) -> Delivery:
    """The delivery that a verified payload is. Raises ValueError for a payload of no kind that we take."""
    kind = "command" if "command" in body else KINDS.get(_text(body, "type"), "")
    if not kind:
        raise ValueError("not a command, action, view, shortcut or event")
    # Slack's verification token is a secret that nobody needs once the signature is checked.
    payload = {name: value for name, value in body.items() if name != "token"}
    return Delivery(key=_key(kind, payload), kind=kind, payload=payload, received=received)


def _key(kind: str, payload: Mapping[str, Json]) -> str:
    """What stays the same when Slack delivers again: part of the payload, never of its envelope."""
    parts: tuple[str, ...]
    if kind == "event":
        parts = (_text(payload, "event_id"),)
    elif kind == "view":
        view = _map(payload, "view")
        parts = (_text(view, "id"), _text(view, "hash") or _digest(_map(view, "state")))
    elif kind == "action":
        pressed = _first(payload, "actions")
        parts = (_text(pressed, "action_ts"), _user(payload), _text(pressed, "action_id"))
    else:
        parts = (_text(payload, "trigger_id") or _text(payload, "action_ts"),)
    # A payload without its mark is told apart by everything that it says.
    key = ":".join((kind, *parts)) if parts[0] else f"{kind}:{_digest(payload)}"
    return key if len(key) <= LONGEST_KEY else f"{kind}:{hashlib.sha256(key.encode()).hexdigest()}"


def ask(delivery: Delivery) -> Ask:
    """What the person said. Never raises: a field that is missing or of another shape is empty."""
    read = {"command": _command, "action": _action, "view": _view, "shortcut": _shortcut, "event": _event}
    return read[delivery.kind](delivery.key, delivery.payload)


def _command(key: str, body: Mapping[str, Json]) -> Ask:
    return Ask(
        key=key, kind="command", name=_text(body, "command"), user=_text(body, "user_id"), team=_text(body, "team_id"),
        channel=_text(body, "channel_id"), text=unescaped(_text(body, "text")).strip(),
        trigger=_text(body, "trigger_id"), response_url=_text(body, "response_url"), payload=body,
    )


def _action(key: str, body: Mapping[str, Json]) -> Ask:
    pressed, container, message = _first(body, "actions"), _map(body, "container"), _map(body, "message")
    view = _map(body, "view")
    value = _value(pressed)
    return Ask(
        key=key, kind="action", name=_text(pressed, "action_id"), user=_user(body), team=_team(body),
        channel=_text(_map(body, "channel"), "id") or _text(container, "channel_id"),
        value=value if isinstance(value, str) else ",".join(value), trigger=_text(body, "trigger_id"),
        response_url=_text(body, "response_url"), thread=_text(message, "thread_ts") or _text(container, "thread_ts"),
        message=_text(message, "ts") or _text(container, "message_ts"),
        fields=_fields(_map(body, "state")) or _fields(_map(view, "state")),
        metadata=_text(view, "private_metadata"), payload=body,
    )


def _view(key: str, body: Mapping[str, Json]) -> Ask:
    view = _map(body, "view")
    metadata, channel = _text(view, "private_metadata"), ""
    if found := WHERE.fullmatch(metadata):
        metadata, channel = found[1], found[2]
    return Ask(
        key=key, kind="view", name=_text(view, "callback_id"), user=_user(body), team=_team(body),
        channel=channel, trigger=_text(body, "trigger_id"),
        response_url=_text(_first(body, "response_urls"), "response_url"),
        fields=_fields(_map(view, "state")), metadata=metadata, payload=body,
    )


def _shortcut(key: str, body: Mapping[str, Json]) -> Ask:
    message = _map(body, "message")
    return Ask(
        key=key, kind="shortcut", name=_text(body, "callback_id"), user=_user(body), team=_team(body),
        channel=_text(_map(body, "channel"), "id"), text=unescaped(_text(message, "text")),
        trigger=_text(body, "trigger_id"), response_url=_text(body, "response_url"),
        thread=_text(message, "thread_ts"), message=_text(body, "message_ts") or _text(message, "ts"), payload=body,
    )


def _event(key: str, body: Mapping[str, Json]) -> Ask:
    event = _map(body, "event")
    name, text = _text(event, "type"), _text(event, "text")
    if name == "app_mention":
        text = _after_mention(text, _text(_first(body, "authorizations"), "user_id")).strip()
    # A reaction names the channel of what it was put on; the answer to it goes there as well.
    channel = event.get("channel") or _map(event, "item").get("channel")
    return Ask(
        key=key, kind="event", name=name, user=_text(event, "user"), team=_text(body, "team_id"),
        channel=channel if isinstance(channel, str) else _text(_map(event, "channel"), "id"),
        text=unescaped(text), thread=_text(event, "thread_ts"), message=_text(event, "ts"), payload=body,
    )


def unescaped(text: str) -> str:
    """Slack escapes `&`, `<` and `>` in what people type; taken back once, the ampersand last."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _after_mention(text: str, bot: str) -> str:
    """What follows the mention of the bot; another person may be mentioned before it."""
    for mention in MENTION.finditer(text):
        if not bot or mention[0][2:-1].split("|")[0] == bot:
            return text[mention.end():]
    return MENTION.sub("", text, count=1)


def _fields(state: Mapping[str, Json]) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for block in _map(state, "values").values():
        if isinstance(block, dict):
            found.update((action, _value(element)) for action, element in block.items() if isinstance(element, dict))
    return found


def _value(element: Mapping[str, Json]) -> str | tuple[str, ...]:
    """What was typed or chosen in one element of Block Kit; an untouched input is empty."""
    if element.get("value") is not None:
        return _text(element, "value")
    for name, chosen in element.items():
        if name.startswith("selected_") and chosen is not None:
            if isinstance(chosen, list):
                return tuple(_one(each) for each in chosen)
            return _one(chosen)
    return _text(element, "rich_text_value")


def _one(chosen: Json) -> str:
    if isinstance(chosen, dict):
        return _text(chosen, "value")
    return str(chosen)


def _user(body: Mapping[str, Json]) -> str:
    return _text(_map(body, "user"), "id")


def _team(body: Mapping[str, Json]) -> str:
    """The workspace; null in payloads of apps that a whole organisation installed, then the person's own."""
    return _text(_map(body, "team"), "id") or _text(_map(body, "user"), "team_id")


def _digest(value: Mapping[str, Json]) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _text(where: Mapping[str, Json], name: str) -> str:
    value = where.get(name)
    if isinstance(value, dict | list):
        return canonical(cast("Json", value))
    return "" if value is None else str(value)


def _map(where: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = where.get(name)
    return value if isinstance(value, dict) else {}


def _first(where: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = where.get(name)
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}

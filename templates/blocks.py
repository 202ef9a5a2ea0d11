"""The few Block Kit shapes we use: plain text in, safe markup out, and always within Slack's limits.

A plain `str` never becomes markup: it goes into a `plain_text` or `rich_text` element as it
is, or is escaped (see `templates.text`). Only a `Mark` passes as markup. Text that is too
long is cut and says so; ids and values are never cut, since a click would then name nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from bot.domain.entry import Json
from templates.rich import preformatted, rich, table
from templates.text import (
    NOTHING,
    Mark,
    bold,
    clamp,
    clamp_mark,
    clean,
    clock,
    code,
    escape,
    line,
    lines,
    link,
    mention,
    one_line,
    speech,
    unmarked,
    when,
)

__all__ = [
    "Block", "Mark", "Message", "actions", "bold", "button", "choice", "clock", "code", "confirm", "context", "divider",
    "escape", "fields", "header", "home", "line", "lines", "link", "mention", "modal", "moment_input", "notice",
    "overflow", "person_input", "plain", "preformatted", "private_channel_input", "rich", "section", "speech", "table",
    "text_input", "when",
]

Block: TypeAlias = dict[str, Json]
"""A block, an element or an object of Block Kit, as JSON."""

Style: TypeAlias = Literal["primary", "danger"]

_MESSAGE_BLOCKS, _VIEW_BLOCKS, _FALLBACK, _VIEW_BYTES = 50, 100, 4000, 240_000


@dataclass(frozen=True)
class Message:
    """A message: its blocks, and a text that says the same for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """What Slack is sent: `text` (escaped, at most 4000 characters) and `blocks` (at most 50)."""
        text = str(clamp_mark(line(self.text), _FALLBACK))
        blocks = _fitting(self.blocks, _MESSAGE_BLOCKS) or [section(self.text)]
        return {"text": text if text.strip() else NOTHING, "blocks": list(blocks)}


def notice(text: str) -> Message:
    """One sentence."""
    return Message(text, (section(text),))


def plain(text: str, limit: int = 3000) -> Block:
    """A `plain_text` object: shows exactly this text, turns nothing into emoji, mentions or links."""
    shown = clamp(clean(unmarked(text)), limit)
    return {"type": "plain_text", "text": shown if shown.strip() else NOTHING, "emoji": False}


def words(text: str, limit: int = 3000) -> Block:
    """A text object: markup for a `Mark` (nothing is linked or mentioned by guessing), plain for a `str`."""
    if not isinstance(text, Mark):
        return plain(text, limit)
    return {"type": "mrkdwn", "text": str(clamp_mark(text, limit)) if text.strip() else NOTHING, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": _label(text, 150)}


def section(text: str, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": words(text)}
    return block if accessory is None else block | {"accessory": accessory}


def fields(*texts: str) -> Block:
    """Short texts in two columns; ten at most, an eleventh makes the tenth say how many are missing."""
    return {"type": "section", "fields": [words(text, 2000) for text in _at_most(texts, 10) or [NOTHING]]}


def context(*texts: str) -> Block:
    """Secondary facts in small print; ten at most."""
    return {"type": "context", "elements": [words(text) for text in _at_most(texts, 10) or [NOTHING]]}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    """A row of buttons and menus; a message leaves the row out when it is empty."""
    return {"type": "actions", "elements": list(elements[:25])}


def button(text: str, action_id: str, value: str, style: Style | None = None, confirm: Block | None = None) -> Block:
    """A button. The value is an opaque id; it is never data to be trusted."""
    block: Block = {
        "type": "button", "text": _label(text, 75), "action_id": _id(action_id, 255), "value": _id(value, 2000),
    }
    if style is not None:
        block["style"] = style
    if confirm is not None:
        block["confirm"] = confirm
    return block


def overflow(action_id: str, *options: tuple[str, str], confirm: Block | None = None) -> Block:
    """The `⋯` menu: up to five options of (text, value)."""
    shown: list[Json] = [_option(text, value) for text, value in options[:5]]
    menu: Block = {"type": "overflow", "action_id": _id(action_id, 255), "options": shown}
    return menu if confirm is None else menu | {"confirm": confirm}


def confirm(title: str, text: str, yes: str, no: str, style: Style | None = None) -> Block:
    """The question Slack asks before a button counts."""
    block: Block = {
        "title": _label(title, 100), "text": plain(text, 300), "confirm": _label(yes, 30), "deny": _label(no, 30),
    }
    return block if style is None else block | {"style": style}


def text_input(
    label: str, block_id: str, action_id: str, *, multiline: bool = False, optional: bool = False, initial: str = "",
    hint: str = "", longest: int = 3000,
) -> Block:
    """A field of a modal that takes text; errors are answered by `block_id`."""
    longest = min(longest, 3000)
    element: Block = {
        "type": "plain_text_input", "action_id": _id(action_id, 255), "multiline": multiline, "max_length": longest,
    }
    if initial:
        element["initial_value"] = clamp(clean(unmarked(initial)), longest)
    return _input(label, block_id, element, optional, hint)


def choice(
    label: str, block_id: str, action_id: str, options: Sequence[tuple[str, str]], *, initial: str = "",
    optional: bool = False, hint: str = "",
) -> Block:
    """A field of a modal that takes one of up to a hundred options of (text, value)."""
    shown = [_option(text, value) for text, value in options[:100]]
    element: Block = {"type": "static_select", "action_id": _id(action_id, 255), "options": list(shown)}
    if chosen := [option for option in shown if option["value"] == initial]:
        element["initial_option"] = chosen[0]
    return _input(label, block_id, element, optional, hint)


def moment_input(
    label: str, block_id: str, action_id: str, initial: datetime | None, hint: str = "", optional: bool = False,
) -> Block:
    """A field of a modal that takes a date and a time, both in the reader's own zone."""
    element: Block = {"type": "datetimepicker", "action_id": _id(action_id, 255)}
    if initial is not None:
        element["initial_date_time"] = int(initial.timestamp())
    return _input(label, block_id, element, optional, hint)


def private_channel_input(label: str, block_id: str, action_id: str, hint: str = "") -> Block:
    """A field of a modal that takes one of the reader's private channels, or none."""
    element: Block = {
        "type": "conversations_select", "action_id": _id(action_id, 255),
        "filter": {"include": ["private"], "exclude_bot_users": True},
    }
    return _input(label, block_id, element, True, hint)


def person_input(label: str, block_id: str, action_id: str, initial: str = "", *, optional: bool = True) -> Block:
    """A field of a modal that takes a person, or nobody where it is optional."""
    element: Block = {"type": "users_select", "action_id": _id(action_id, 255)}
    return _input(label, block_id, element | ({"initial_user": initial} if initial else {}), optional, "")


def home(blocks: Sequence[Block]) -> Block:
    """A person's App Home, for `views.publish`."""
    return {"type": "home", "blocks": list(_light(_fitting(blocks, _VIEW_BLOCKS) or [section(NOTHING)]))}


def modal(
    title: str, blocks: Sequence[Block], callback_id: str, submit: str | None = None, close: str = "Close",
    metadata: str = "",
) -> Block:
    """A view for `views.open`; without `submit` it can only be read."""
    view: Block = {
        "type": "modal", "callback_id": _id(callback_id, 255), "title": _label(title, 24), "close": _label(close, 24),
        "private_metadata": _id(metadata, 3000) if metadata else "",
        "blocks": list(_light(_fitting(blocks, _VIEW_BLOCKS) or [section(NOTHING)])),
    }
    return view if submit is None else view | {"submit": _label(submit, 24)}


def _label(text: str, limit: int) -> Block:
    return plain(one_line(unmarked(text)), limit)


def _option(text: str, value: str) -> Block:
    return {"text": _label(text, 75), "value": _id(value, 150)}


def _input(label: str, block_id: str, element: Block, optional: bool, hint: str) -> Block:
    block: Block = {
        "type": "input", "block_id": _id(block_id, 255), "label": _label(label, 2000), "element": element,
        "optional": optional,
    }
    return block | {"hint": plain(hint, 2000)} if hint else block


def _id(text: str, limit: int) -> str:
    if not 0 < len(text) <= limit:
        raise ValueError(f"an id or value of {len(text)} characters; Slack takes 1 to {limit}")
    return text


def _at_most(texts: Sequence[str], count: int) -> list[str]:
    kept = [text for text in texts if text.strip()]
    return kept if len(kept) <= count else [*kept[: count - 1], f"… and {len(kept) - count + 1} more"]


def _fitting(blocks: Sequence[Block], limit: int) -> list[Block]:
    """The blocks within the limit: the middle gives way, so that the title, the buttons and the last line stay."""
    kept = [block for block in blocks if block.get("elements") != []]
    if len(kept) > limit:
        gone = len(kept) - limit + 1
        kept = [*kept[: limit - 4], context(f"… {gone} more parts are not shown here"), *kept[-3:]]
    return kept


def _light(blocks: list[Block]) -> list[Block]:
    """The blocks of a view within its weight of 250 kB; what is behind gives way."""
    weight, kept = 0, list[Block]()
    for block in blocks:
        weight += len(json.dumps(block))
        if weight > _VIEW_BYTES:
            return [*kept, context(f"… {len(blocks) - len(kept)} more parts are not shown here")]
        kept.append(block)
    return kept

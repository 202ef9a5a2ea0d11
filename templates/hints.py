"""Commands that a text tells people to type, made complete: with the project that is meant, wherever they are typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from bot.domain.entry import Json
from templates.blocks import Block, Message
from templates.rich import Cells

Text = TypeVar("Text", bound=str)

_VERBS = "status|check|stage|restage|promote|rollback|baseline|history|backup|checklist|windows?|freeze|unfreeze"

# An id that follows says by itself which project is meant.
_HINT = re.compile(rf"(/(?:migrate|deploy) (?:{_VERBS})\b)(?! project:)(?! (?:[A-Z]{{1,3}}-\d|restore ))")


def complete(text: Text, project: str) -> Text:
    """The text, with `project:NAME` in each command that would have to ask which one."""
    return type(text)(_HINT.sub(lambda hint: f"{hint[0]} project:{project}", text))


def complete_blocks(blocks: Sequence[Block], project: str) -> list[Block]:
    """The same for all that is text in blocks; what buttons carry stays as it is."""
    return [_within(block, project) for block in blocks]


def complete_message(message: Message, project: str) -> Message:
    """The same for a message."""
    return replace(
        message, text=complete(message.text, project), blocks=tuple(complete_blocks(message.blocks, project)),
    )


def _within(block: Block, project: str) -> Block:
    if block.get("type") == "rich_text_preformatted" and not isinstance(block, Cells):
        return block
    return {key: _deep(key, value, project) for key, value in block.items()}


def _deep(key: str, value: Json, project: str) -> Json:
    if isinstance(value, str):
        return complete(value, project) if key == "text" else value
    if isinstance(value, list):
        return [_deep(key, each, project) for each in value]
    return _within(value, project) if isinstance(value, dict) else value

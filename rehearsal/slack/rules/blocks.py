"""The rules for blocks and for a list of blocks in a message, a modal or App Home."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.slack.rules.checks import Check, Problem, anything, flag, many, number, one_of, shape, string, typed
from rehearsal.slack.rules.elements import (
    AS_ACCESSORY,
    IN_ACTIONS,
    IN_CONTEXT,
    IN_INPUT,
    NAME,
    RICH,
    URL,
    any_text,
    plain_text,
)

MOST = {"message": 50, "modal": 100, "home": 100}
MESSAGE, VIEWS, NOT_MODAL = {"message"}, {"modal"}, {"message", "home"}
ONLY_ON = {
    "markdown": MESSAGE,
    "table": NOT_MODAL,
    "data_table": NOT_MODAL,
    "data_visualization": NOT_MODAL,
    "alert": VIEWS,
    "container": NOT_MODAL,
    "carousel": NOT_MODAL,
    "context_actions": MESSAGE,
    "plan": MESSAGE,
    "task_card": MESSAGE,
    "file": MESSAGE,
}
EVERY: dict[str, Check] = {"type": anything, "block_id": NAME}
RICH_BLOCK = shape({"type": anything, "elements": many(RICH, 1000, 0)}, EVERY)
CELL = typed(
    {
        "raw_text": shape({"type": anything, "text": string(3000)}),
        "raw_number": shape({"type": anything, "value": number()}, {"text": string(3000)}),
        "rich_text": RICH_BLOCK,
    },
    "a cell of a table",
)
SECTION = shape(
    {"type": anything},
    EVERY | {"text": any_text(3000), "fields": many(any_text(2000), 10), "accessory": AS_ACCESSORY, "expand": flag},
)


def _section(value: Any, at: str) -> Iterator[Problem]:
    yield from SECTION(value, at)
    if "text" not in value and "fields" not in value:
        yield Problem(at, "missing required field: text")


BLOCKS: dict[str, Check] = {
    "section": _section,
    "divider": shape({"type": anything}, EVERY),
    "header": shape({"type": anything, "text": plain_text(150)}, EVERY),
    "context": shape({"type": anything, "elements": many(IN_CONTEXT, 10)}, EVERY),
    "actions": shape({"type": anything, "elements": many(IN_ACTIONS, 25)}, EVERY),
    "image": shape(
        {"type": anything, "alt_text": string(2000)},
        EVERY | {"image_url": URL, "slack_file": shape({}, {"id": NAME, "url": URL}), "title": plain_text(2000)},
    ),
    "input": shape(
        {"type": anything, "label": plain_text(2000), "element": IN_INPUT},
        EVERY | {"hint": plain_text(2000), "optional": flag, "dispatch_action": flag},
    ),
    "rich_text": RICH_BLOCK,
    "markdown": shape({"type": anything, "text": string(12000)}, EVERY),
    "table": shape(
        {"type": anything, "rows": many(many(CELL, 20), 100)},
        EVERY | {"column_settings": many(anything, 20, 0)},
    ),
    "alert": shape(
        {"type": anything, "text": any_text(200)},
        EVERY | {"level": one_of("default", "info", "warning", "error", "success")},
    ),
    "video": shape(
        {"type": anything, "alt_text": string(2000), "title": plain_text(200), "video_url": URL, "thumbnail_url": URL},
        EVERY | {"title_url": URL, "description": plain_text(200), "author_name": NAME, "provider_name": NAME},
    ),
}
BLOCK = typed(BLOCKS, "a block")


def problems_in_blocks(blocks: Any, surface: str = "message", at: str = "/blocks") -> list[Problem]:
    """Everything Slack would refuse in this list of blocks, or nothing."""
    fewest = 1 if surface == "modal" else 0
    found = list(many(BLOCK, MOST[surface], fewest)(blocks, at))
    if isinstance(blocks, list) and all(isinstance(block, dict) for block in blocks):
        found += _wrong_place(blocks, surface, at)
        found += _duplicates(blocks, at)
        found += _together(blocks, at)
    return found


def _wrong_place(blocks: list[dict[str, Any]], surface: str, at: str) -> Iterator[Problem]:
    for index, block in enumerate(blocks):
        if surface not in ONLY_ON.get(str(block.get("type")), {surface}):
            yield Problem(f"{at}/{index}/type", f"{block.get('type')} blocks are not allowed in a {surface}")


def _duplicates(blocks: list[dict[str, Any]], at: str) -> Iterator[Problem]:
    seen_blocks: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if isinstance(name, str):
            if name in seen_blocks:
                yield Problem(f"{at}/{index}/block_id", f"block_id already exists: {name}")
            seen_blocks.add(name)
        seen_actions: set[str] = set()
        for pointer, element in elements_of(block):
            action = element.get("action_id")
            if isinstance(action, str):
                # within one block Slack could not tell the two apart
                if action in seen_actions:
                    yield Problem(f"{at}/{index}{pointer}/action_id", f"action_id already exists: {action}")
                seen_actions.add(action)


def _together(blocks: list[dict[str, Any]], at: str) -> Iterator[Problem]:
    kinds = [block.get("type") for block in blocks]
    if kinds.count("table") > 1:
        yield Problem(at, "only one table per message is allowed")
    written = sum(len(str(block.get("text"))) for block in blocks if block.get("type") == "markdown")
    if written > 12000:
        yield Problem(at, f"markdown blocks may hold 12000 characters together, have {written}")


def elements_of(block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The interactive elements of a block, each with the pointer to it."""
    for pointer, element in (("/accessory", block.get("accessory")), ("/element", block.get("element"))):
        if isinstance(element, dict):
            yield pointer, element
    if block.get("type") in ("actions", "context_actions") and isinstance(block.get("elements"), list):
        for index, element in enumerate(block["elements"]):
            if isinstance(element, dict):
                yield f"/elements/{index}", element

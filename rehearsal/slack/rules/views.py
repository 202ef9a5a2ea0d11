"""The rules for modals and App Home views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rehearsal.slack.rules.blocks import problems_in_blocks
from rehearsal.slack.rules.checks import Check, Problem, anything, flag, shape, string
from rehearsal.slack.rules.elements import plain_text

LARGEST = 250_000
COMMON: dict[str, Check] = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
MODAL = shape(
    {"type": anything, "title": plain_text(24), "blocks": anything},
    COMMON
    | {
        "submit": plain_text(24),
        "close": plain_text(24),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)
HOME = shape({"type": anything, "blocks": anything}, COMMON)


def too_large(view: Any) -> bool:
    return len(json.dumps(view).encode()) > LARGEST


def problems_in_view(view: Any, surface: str) -> list[Problem]:
    """Everything Slack would refuse in this modal or home view."""
    if not isinstance(view, dict):
        return [Problem("/view", "must be an object")]
    if view.get("type") != surface:
        return [Problem("/view/type", f"must be {surface}")]
    found = list((MODAL if surface == "modal" else HOME)(view, "/view"))
    blocks = view.get("blocks", [])
    found += problems_in_blocks(blocks, surface, "/view/blocks")
    if surface == "modal" and isinstance(blocks, list):
        found += _needs_submit(view, blocks)
    return found


def _needs_submit(view: dict[str, Any], blocks: list[Any]) -> Iterator[Problem]:
    asks = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
    if asks and "submit" not in view:
        yield Problem("/view/submit", "is needed where a view has input blocks")

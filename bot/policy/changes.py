"""What differs between two policies, in words for the journal and the channel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from bot.domain.entry import Json


def changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    """One line a key that differs between two `Policy.canonical()` values: `approvals.required: 1 → 2`."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        f"{key}: {_shown(old, key)} → {_shown(new, key)}"
        for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)
    ]


def _leaves(table: Mapping[str, Json], inside: str = "") -> Iterator[tuple[str, Json]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{inside}{key}.")
        elif value != {}:
            yield f"{inside}{key}", value


def _shown(leaves: Mapping[str, Json], key: str) -> str:
    return json.dumps(leaves[key], ensure_ascii=False) if key in leaves else "not set"

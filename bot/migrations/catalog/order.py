"""Puts objects in an order in which each comes after what it waits for."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bot.domain.catalog import Key


def in_order(keys: set[Key], waits: Mapping[Key, set[Key]], first: Sequence[str]) -> list[Key]:
    """Every key after those it waits for; otherwise by kind, then by name. A circle is cut at its first one."""
    place = {kind: number for number, kind in enumerate(first)}
    left = {key: len(waits.get(key, set()) & keys) for key in keys}
    next_: defaultdict[Key, list[Key]] = defaultdict(list)
    for key in keys:
        for other in waits.get(key, set()) & keys:
            next_[other].append(key)

    def rank(key: Key) -> tuple[int, Key]:
        return place.get(key[0], len(place)), key

    ready = [rank(key) for key in keys if not left[key]]
    heapq.heapify(ready)
    done: list[Key] = []
    seen: set[Key] = set()
    while len(done) < len(keys):
        if not ready:
            ready = [min(rank(key) for key in keys if key not in seen)]
        key = heapq.heappop(ready)[-1]
        if key in seen:
            continue
        seen.add(key)
        done.append(key)
        for other in next_[key]:
            left[other] -= 1
            if not left[other]:
                heapq.heappush(ready, rank(other))
    return done

"""Who met a fault, as a small JSON text beside its account; read and merged without building it anew each time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from bot.domain.sighting import MOST_HITS, Hits, Sighting

_OF = {
    "roles": "role", "applications": "application", "addresses": "address", "sessions": "session", "queries": "query",
}
LONGEST = 100
"""Characters of one value: applications may call themselves anything."""


@lru_cache(maxsize=4096)
def decoded(text: str) -> Hits:
    return Hits(**{name: tuple(values) for name, values in json.loads(text).items()}) if text else Hits()


def encoded(hits: Hits) -> str:
    named = {name: getattr(hits, name) for name in (*_OF, "more")}
    return json.dumps({name: values for name, values in named.items() if values}, separators=(",", ":"))


def merged(hits: Hits, group: Sequence[Sighting]) -> Hits:
    """The hits with what the group adds; the very same object where it adds nothing."""
    changed: dict[str, tuple[str, ...]] = {}
    more = list(hits.more)
    for name, attribute in _OF.items():
        known: tuple[str, ...] = getattr(hits, name)
        if name in more:
            continue
        seen = {getattr(sighting, attribute)[:LONGEST] for sighting in group}
        if new := sorted(seen.difference(known, {""})):
            changed[name] = (*known, *new)[:MOST_HITS]
            if len(known) + len(new) > MOST_HITS:
                more.append(name)
    if not changed:
        return hits
    return Hits(**{name: changed.get(name, getattr(hits, name)) for name in _OF}, more=tuple(more))

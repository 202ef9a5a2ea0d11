"""Addresses that were asked for: which part of a project they lead to, without what tells one customer from another."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bot.sightings.masking import MASK

_PLAIN = re.compile(r"[a-z][a-z_-]{0,40}(?:v\d)?|v\d|[a-z][a-z_]{0,40}\d?")
_KEPT = {"rest": 4, "auth": 4, "functions": 3, "storage": 4, "graphql": 2, "realtime": 3, "object": 2, "render": 3}
"""How many parts of a path are the service's own; behind them stand names that customers chose."""


def path_template(address: str) -> str:
    """`/rest/v1/books?id=eq.7` as `/rest/v1/books`."""
    try:
        path = urlsplit(address[:2000]).path
    except ValueError:
        return MASK
    parts = [part for part in path.split("/") if part]
    kept = _KEPT.get(parts[0], 3) if parts else 0
    shown = [part if _PLAIN.fullmatch(part) else MASK for part in parts[:kept]]
    return "/" + "/".join(shown) + ("/" + MASK if len(parts) > kept else "")


def called(template: str) -> tuple[str, ...]:
    """The table or function of the database that a path of the REST service names."""
    parts = template.strip("/").split("/")
    name = parts[3] if parts[:3] == ["rest", "v1", "rpc"] and len(parts) > 3 else parts[2] if len(parts) > 2 else ""
    return (name,) if parts[:2] == ["rest", "v1"] and name not in ("", MASK, "rpc") else ()

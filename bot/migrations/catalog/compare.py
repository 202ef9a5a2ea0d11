"""The verdict on where a way back led: the catalog that it aimed at beside the one that it reached."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.catalog import Snapshot
from bot.domain.way_back import Schema, WayBack
from bot.migrations.catalog.diff import differences, reordered

MOST = 20
"""How many differences a verdict lists."""


def compared(way: WayBack, aim: Snapshot, reached: Snapshot, when: str) -> WayBack:
    """The verdict so far, made worse by what differs."""
    found = [f"{when}{difference}" for difference in differences(aim, reached)]
    if found:
        more = [f"… and {len(found) - MOST} more"] if len(found) > MOST else []
        schema = Schema.DIFFERS
        return replace(way, schema=schema, said=(*way.said, *found[:MOST], *more))
    if way.schema is Schema.DIFFERS:
        return way
    if tables := reordered(aim, reached):
        said_ = f"the columns of {', '.join(tables)} are in another order"
        return replace(way, schema=Schema.ORDER, said=tuple(dict.fromkeys((*way.said, said_))))
    return way if way.schema is Schema.ORDER else replace(way, schema=Schema.EXACT)

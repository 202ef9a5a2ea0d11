"""Connections near the limit: soon nobody gets one."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal

RULE = "connections"


def signals(scene: Scene) -> Iterator[Signal]:
    """From the policy's percentage on."""
    reading = scene.reading
    if reading is None or not reading.allowed:
        return
    percent = 100 * reading.connections // reading.allowed
    if percent >= scene.limits.connections_percent:
        yield Signal(
            key="connections", rule=RULE, title="Production is running out of connections", level=Level.ERROR,
            state=True, count=reading.connections, first=scene.now, last=scene.now,
            said=f"{reading.connections} of {reading.allowed} connections are in use ({percent} %).",
        )

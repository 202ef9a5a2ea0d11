"""A slow query that is new, or slower than it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.faults import signal_of
from bot.domain.noise import is_dump, noise
from bot.domain.scene import Scene
from bot.domain.sighting import Severity
from bot.domain.signal import Level, Signal

RULE = "slow_query"
SLOWER = 2.0
"""How many times its former mean a known statement has to take."""


def signals(scene: Scene) -> Iterator[Signal]:
    """From the server's own counters between two readings, and from the logs."""
    yield from _counted(scene)
    for account in scene.accounts:
        if account.fault.severity is Severity.SLOW and not account.known and not noise(account.fault) \
                and account.within(timedelta(minutes=5), scene.now) >= scene.limits.error_threshold:
            yield signal_of(account, RULE, "New slow query in production", Level.NOTICE)


def _counted(scene: Scene) -> Iterator[Signal]:
    reading = scene.reading
    if reading is None or scene.before is None:
        return
    counted = scene.before if scene.counted is None else scene.counted
    for id, now in reading.statements.items():
        before, start = scene.before.get(id), counted.get(id)
        calls = now.calls - (start.calls if start else 0)
        if calls <= 0 or (start and now.total < start.total) or is_dump(now.text):
            continue    # nobody ran it since, or the counters were reset
        mean = (now.total - (start.total if start else 0.0)) / calls
        was = before.mean if before and before.calls else None
        if mean < scene.limits.slow_query_ms or (was is not None and mean < was * SLOWER):
            continue
        compared = "not seen before" if was is None else f"{was:,.0f} ms before"
        yield Signal(
            key=f"slow:{id}", rule=RULE, title="Slow query in production", level=Level.NOTICE, count=calls,
            said=now.text, first=reading.at, last=reading.at,
            evidence=(f"{mean:,.0f} ms on average over {calls} call{'s' if calls != 1 else ''}, {compared}; "
                      f"slow from {scene.limits.slow_query_ms:,} ms on.",),
        )

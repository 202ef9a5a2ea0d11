"""Sessions that wait for a lock, and who holds it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal
from bot.domain.span import span

RULE = "blocked"


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal for all that wait longer than the policy allows; whoever blocks and is not blocked is named."""
    if scene.reading is None:
        return
    sessions = {each.pid: each for each in scene.reading.sessions}
    waiting = [each for each in sessions.values() if each.blocked_by
               and each.seconds >= scene.limits.blocked.total_seconds()]
    if not waiting:
        return
    blocked = {each.pid for each in sessions.values() if each.blocked_by}
    roots = sorted({pid for each in waiting for pid in each.blocked_by} - blocked)
    named = tuple(
        f"Blocking: {holder.who}, {holder.state or 'working'}, its transaction runs {span(holder.transaction)}: "
        f"{holder.query}" if (holder := sessions.get(pid)) else f"Blocking: pid {pid}" for pid in roots[:5]
    )
    longest = max(waiting, key=lambda each: each.seconds)
    count = len(waiting)
    yield Signal(
        key="blocked", rule=RULE, title="Sessions are blocked in production", level=Level.ERROR, state=True,
        count=count, first=scene.now, last=scene.now,
        said=f"{count} session{'s wait' if count != 1 else ' waits'} for a lock, the longest for "
             f"{span(longest.seconds)}: {longest.query}",
        evidence=named,
    )

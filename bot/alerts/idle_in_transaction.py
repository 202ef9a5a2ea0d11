"""Sessions that hold a transaction open and do nothing: their locks stay, and nothing is cleaned up behind them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal
from bot.domain.span import span

RULE = "idle_in_transaction"


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal for all of them."""
    if scene.reading is None:
        return
    idle = [each for each in scene.reading.sessions if each.state.startswith("idle in transaction")
            and each.seconds >= scene.limits.idle_in_transaction.total_seconds()]
    if not idle:
        return
    idle.sort(key=lambda each: -each.seconds)
    yield Signal(
        key="idle_in_transaction", rule=RULE, title="A transaction is left open in production", level=Level.NOTICE,
        state=True, count=len(idle), first=scene.now, last=scene.now,
        said=f"{idle[0].who}, idle for {span(idle[0].seconds)} after: {idle[0].query}",
        evidence=tuple(f"{each.who}, idle for {span(each.seconds)} after: {each.query}" for each in idle[1:6]),
    )

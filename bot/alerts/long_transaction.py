"""Transactions that run long: their locks stay, and nothing is cleaned up behind them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal
from bot.domain.span import span

RULE = "long_transaction"
DUMPS = ("pg_dump", "stagedoor")
"""Programs whose transactions are long on purpose; ours are told of by their own cards."""


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal for all that work; those that idle have a rule of their own."""
    if scene.reading is None:
        return
    limit = scene.limits.long_transaction.total_seconds()
    found = [each for each in scene.reading.sessions if each.transaction >= limit
             and not each.state.startswith("idle") and not each.application.startswith(DUMPS)]
    if not found:
        return
    found.sort(key=lambda each: -each.transaction)
    yield Signal(
        key="long_transaction", rule=RULE, title="A transaction runs long in production", level=Level.NOTICE,
        state=True, count=len(found), first=scene.now, last=scene.now,
        said=f"{found[0].who}, for {span(found[0].transaction)}: {found[0].query}",
        evidence=tuple(f"{each.who}, for {span(each.transaction)}: {each.query}" for each in found[1:6]),
    )

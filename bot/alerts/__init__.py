"""The alert rules: one a file, pure functions of a scene; `RULES` in the order in which they are asked.

A rule has `signals(scene)`: what it finds wrong now. Where two speak of the same key, the first one counts.
"""

from __future__ import annotations

from types import ModuleType

from bot.alerts import (
    above_baseline,
    blind,
    blocked,
    changed_without_promotion,
    connections,
    cron_failed,
    failing_service,
    fatal,
    idle_in_transaction,
    long_transaction,
    needs_person,
    new_error,
    since_promotion,
    slow_query,
    unreachable,
)
from bot.domain.scene import Scene
from bot.domain.signal import Signal

RULES: tuple[ModuleType, ...] = (
    needs_person, fatal, changed_without_promotion, since_promotion, new_error, above_baseline, failing_service,
    slow_query, blocked, idle_in_transaction, long_transaction, connections, cron_failed, unreachable,
    blind,
)


def judge(scene: Scene) -> tuple[Signal, ...]:
    """Everything that is wrong in this scene, each key once, and nothing that another signal covers."""
    found: dict[str, Signal] = {}
    for rule in RULES:
        for signal in rule.signals(scene):
            found.setdefault(signal.key, signal)
    return tuple(signal for signal in found.values() if signal.within not in found)

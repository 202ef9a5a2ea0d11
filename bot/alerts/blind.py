"""Part of production is not watched any more: what nobody sees raises no alert, and silence looks like health."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal

RULE = "blind"
FOR = timedelta(minutes=5)
"""A question that was not answered once is no news."""


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal for all parts; it is over once everything is seen again."""
    lost = [each for each in scene.blind if each.lost and scene.now - each.since >= FOR]
    if not lost:
        return
    yield Signal(
        key="blind", rule=RULE, title="Part of production is not watched", level=Level.NOTICE, state=True,
        count=len(lost), first=min(each.since for each in lost), last=scene.now,
        said="; ".join(f"{each.what}: {each.why.rstrip('.')}" for each in lost) + ". "
             "Trouble there raises no alert until it is seen again.",
        evidence=tuple(dict.fromkeys(each.mend for each in lost if each.mend)),
    )

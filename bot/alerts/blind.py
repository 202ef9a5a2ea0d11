"""Part of production is not watched any more: what nobody sees raises no alert, and silence looks like health."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal

RULE = "blind"


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal for all parts, once it lasts: a question that was not answered once is no news."""
    lost = [each for each in scene.blind if each.lost and scene.now - each.since >= scene.limits.unseen]
    if not lost:
        return
    yield Signal(
        key="blind", rule=RULE, title="Part of production is not watched", level=Level.NOTICE, state=True,
        count=len(lost), first=min(each.since for each in lost), last=scene.now,
        said="; ".join(f"{each.what}: {each.why.rstrip('.')}" for each in lost) + ". "
             "Trouble there raises no alert until it is seen again.",
        evidence=tuple(dict.fromkeys(each.mend for each in lost if each.mend)),
    )

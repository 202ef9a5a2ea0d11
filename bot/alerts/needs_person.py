"""Something of ours stands still over a production that has changed: a person has to go on."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal, Wakes

RULE = "needs_person"
STANDS = "stands"
"""How the keys begin; the record follows."""
TITLES = {
    "promotion": "A promotion stopped half-way in production",
    "rollback": "A rollback needs a person",
}


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal a record."""
    for each in scene.standing:
        yield Signal(
            key=f"{STANDS}:{each.id}", rule=RULE, title=TITLES.get(each.kind, TITLES["promotion"]), level=Level.FATAL,
            state=True, count=1, first=each.since, last=scene.now, said=f"{each.id}: {each.said}",
            wakes=Wakes.ROLLBACK if each.kind == "rollback" else Wakes.STOPPED, foldable=False,
        )

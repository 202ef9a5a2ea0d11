"""Production's database does not answer: nobody can say how it is doing, and perhaps nobody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal
from bot.domain.span import span

RULE = "unreachable"
FOR = timedelta(minutes=2)
"""A connection that was lost once is no news."""


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal once it lasts; it is over with the next reading."""
    if scene.silent is None or scene.now - scene.silent.since < FOR:
        return
    yield Signal(
        key="unreachable", rule=RULE, title="Production's database does not answer", level=Level.ERROR, state=True,
        count=1, first=scene.silent.since, last=scene.now, said=scene.silent.why,
        evidence=(f"For {span((scene.now - scene.silent.since).total_seconds())} now, as seen from Stagedoor. "
                  "Meanwhile nothing that only the database shows is watched.",),
    )

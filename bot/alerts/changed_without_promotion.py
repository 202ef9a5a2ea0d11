"""Production's history or catalog changed, and no promotion did it: the dashboard, the CLI, somebody's session."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.scene import Change, Scene
from bot.domain.signal import Level, Signal

RULE = "changed_without_promotion"
SHOWN = 12


def signals(scene: Scene) -> Iterator[Signal]:
    """The change, with the way to take it in."""
    change = scene.change
    if change is None:
        return
    lines = change.difference.splitlines()
    more = (f"and {len(lines) - SHOWN} more, in the file",) if len(lines) > SHOWN else ()
    unread = (f"What changed in the catalog could not be read: {change.unread}",) if change.unread else ()
    yield Signal(
        key="changed", rule=RULE, title="Production changed without a promotion", level=Level.ERROR, keeps=True,
        count=1, first=change.at, last=change.at, said=_said(change),
        evidence=(*lines[:SHOWN], *more, *unread, _way(change)), attach=_file(change), foldable=False,
    )


def _said(change: Change) -> str:
    parts = []
    if change.added:
        parts.append(f"{', '.join(change.added)} stand{'s' if len(change.added) == 1 else ''} in its history now")
    if change.removed:
        parts.append(f"{', '.join(change.removed)} {'is' if len(change.removed) == 1 else 'are'} gone from its history")
    count = len(change.difference.splitlines())
    if count:
        parts.append(f"{count} object{'s' if count != 1 else ''} of its catalog changed")
    if not change.added and not change.removed:
        parts.append("its history does not tell of it")
    return "; ".join(parts) + "."


def _way(change: Change) -> str:
    if change.added:
        return (
            "Way on: add the file to the migrations folder, or accept what stands there with /migrate baseline. "
            "Until then promotions that were planned on the old head are held."
        )
    if change.removed:
        return "Way on: somebody took it out of the history; /migrate status shows what that means for your files."
    return (
        "Way on: adopt it, with a migration that says the same (a draft is in the file) and /migrate stage, or take "
        "it back by hand. Acknowledge accepts it as it is."
    )


def _file(change: Change) -> str:
    if not change.difference and not change.sql:
        return ""
    draft = f"\n\n-- A draft of a migration that says the same. Read it before you use it.\n{change.sql}\n"
    told = "\n".join(f"-- {row}" for row in change.difference.splitlines())
    return f"-- What changed in production\n{told}{draft if change.sql else ''}"

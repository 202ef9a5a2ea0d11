"""Which of many new signals get an alert of their own, and which share one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.signal import Cause, Level, Signal, Wakes
from bot.domain.span import times

TOP = 10


@dataclass(frozen=True, kw_only=True)
class Group:
    """Signals that would share an alert if there were too many of them."""

    key: str
    signals: tuple[Signal, ...]


def groups(new: Sequence[Signal]) -> tuple[Group, ...]:
    """FATAL ones, those of each promotion, and the rest: none of the first two hides among others."""
    found: defaultdict[str, list[Signal]] = defaultdict(list)
    for signal in new:
        if not signal.fingerprint:
            found[f"own:{signal.key}"].append(signal)
        elif signal.level is Level.FATAL:
            found["storm:fatal"].append(signal)
        elif signal.cause:
            found[f"storm:{signal.cause.promotion}"].append(signal)
        else:
            found["storm:new"].append(signal)
    return tuple(Group(key=key, signals=tuple(signals)) for key, signals in found.items())


def folded(group: Group, raised: Mapping[str, int], most: int) -> tuple[tuple[Signal, ...], tuple[Signal, ...]]:
    """The signals that get their own alert, and those that share one.

    `raised` is how many of each group got their own within the last hour. More than `most` at once are one storm.
    """
    if group.key.startswith("own:"):
        return group.signals, ()
    if len(group.signals) > most:
        return (), group.signals
    room = max(0, most - raised.get(group.key, 0))
    return group.signals[:room], group.signals[room:]


def storm(key: str, members: Mapping[str, tuple[int, str]], sample: Sequence[Signal]) -> Signal:
    """The signal that stands for many: `members` are counts and words by key."""
    first = sample[0]
    total = sum(count for count, _ in members.values())
    fatal, cause = key == "storm:fatal", first.cause
    if fatal:
        title = f"{len(members)} kinds of FATAL in production"
    elif cause:
        title = f"{len(members)} new errors since {cause.promotion}"
    else:
        title = f"{len(members)} new errors in production"
    return Signal(
        key=key, rule="storm", title=title, level=Level.FATAL if fatal else Level.ERROR, count=total,
        said="Too many at once for an alert each. The most frequent ones:",
        first=min(each.first for each in sample), last=max(each.last for each in sample),
        cause=_storms_cause(sample), wakes=Wakes.FATAL if fatal else None, top=top(members),
    )


def top(members: Mapping[str, tuple[int, str]]) -> tuple[str, ...]:
    """The most frequent members, with their counts."""
    ranked = sorted(members.values(), key=lambda member: -member[0])
    shown = [f"{times(count)}: {said}" for count, said in ranked[:TOP]]
    return (*shown, f"and {len(ranked) - TOP} more") if len(ranked) > TOP else tuple(shown)


def _storms_cause(sample: Sequence[Signal]) -> Cause | None:
    """The promotion of the storm; sure if of any of its members it is."""
    causes = [each.cause for each in sample if each.cause]
    if len(causes) < len(sample):
        return None
    return next((cause for cause in causes if cause.sure), causes[0])

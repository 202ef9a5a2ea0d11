"""Whether a rollback led back: production's objects now, beside those from before the promotion."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.catalog import Key, Snapshot
from bot.migrations.catalog.diff import changed, differences, reordered


@dataclass(frozen=True, kw_only=True)
class Restored:
    """`touched` objects of the promotion; `wrong` are those that are not as before, `others` changed meanwhile."""

    touched: int
    wrong: tuple[str, ...]
    others: tuple[str, ...]


def restored(before: Snapshot, after: Snapshot, now: Snapshot) -> Restored:
    """Compare what the promotion touched (`before` to `after`) with what is there `now`.

    Of an object that was changed only what was changed counts; what others changed since is told, not held against it.
    """
    touched = differences(before, after)
    wrong = [text for one in touched if (text := _unlike(one.key, [part for part, _, _ in one.parts], now, before))]
    keys = {one.key for one in touched}
    others = [str(one) for one in differences(before, now) if one.key not in keys]
    order = [f"the columns of {table} are in another order" for table in reordered(before, now)]
    return Restored(touched=len(touched), wrong=tuple(wrong), others=(*others, *order))


def _unlike(key: Key, parts: list[str], now: Snapshot, aim: Snapshot) -> str:
    here, there = now.objects.get(key), aim.objects.get(key)
    name = f"{key[0].replace('_', ' ')} {key[1]}"
    if here is None or there is None:
        if here is there:
            return ""
        return f"{name} is missing, and was there before" if here is None else f"{name} is still there"
    if other := [part for part, _, _ in changed(there, here) if not parts or part in parts]:
        return f"{name} is not as it was ({', '.join(other)})"
    return ""

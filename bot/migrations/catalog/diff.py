"""What differs between two catalogs, object by object, in words that people read."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.catalog import Doc, Key, Snapshot
from bot.domain.entry import Json

_SHOWN = 160


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One object that is more, less or other than before; `parts` names what of it changed."""

    sign: str
    key: Key
    parts: tuple[tuple[str, Json, Json], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.key[0].replace('_', ' ')} {self.key[1]}"

    def __str__(self) -> str:
        if not self.parts:
            return f"{self.sign} {self.name}"
        changed = "; ".join(f"{part.replace('_', ' ')}: {value(old)} → {value(new)}" for part, old, new in self.parts)
        return f"{self.sign} {self.name}: {changed}"


def differences(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """Added (+), removed (-) and changed (~) objects; what goes along with its table is not told apart."""
    found: list[Difference] = []
    across = before.major != after.major
    for key in sorted({*before.objects, *after.objects}):
        old, new = before.objects.get(key), after.objects.get(key)
        if old is None:
            found.append(Difference(sign="+", key=key))
        elif new is None:
            found.append(Difference(sign="-", key=key))
        elif parts := changed(old, new, across):
            found.append(Difference(sign="~", key=key, parts=parts))
    return tuple(found)


def reordered(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Tables whose columns are the same ones in another order."""
    return tuple(sorted(
        table for table, columns in before.order.items()
        if table in after.order and after.order[table] != columns and sorted(after.order[table]) == sorted(columns)
    ))


def changed(old: Doc, new: Doc, across: bool = False) -> tuple[tuple[str, Json, Json], ...]:
    """The properties that differ; `across` major versions grants are read without what only newer ones know."""
    if not across and old == new:
        return ()
    parts = [(part, old.get(part), new.get(part)) for part in sorted({*old, *new})]
    return tuple(
        (part, was, now) for part, was, now in parts
        if was != now and not (across and part == "acl" and _older(was) == _older(now))
    )


def readable(before: Snapshot, after: Snapshot) -> str:
    """The whole difference as text, grouped under tables; empty when there is none."""
    found = differences(before, after)
    whole = {difference.key for difference in found if not difference.parts}
    lines = [str(one) for one in found if not _goes_along(one, whole, before, after)]
    lines += [f"~ columns of {table} in another order" for table in reordered(before, after)]
    return "\n".join(lines)


def _goes_along(one: Difference, whole: set[Key], before: Snapshot, after: Snapshot) -> bool:
    """A column of a dropped table needs no line of its own; one of a new table does: it says what is there now."""
    if one.sign != "-":
        return False
    return any(parent in whole for parent in before.parents.get(one.key, ()))


def _older(acl: Json) -> Json:
    if not isinstance(acl, dict):
        return acl
    return {role: str(letters).replace("m*", "").replace("m", "") for role, letters in acl.items()}


def value(held: Json) -> str:
    """A property's value for people."""
    if held is None:
        return "none"
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, list):
        text = ", ".join(map(str, held))
    elif isinstance(held, dict):
        text = ", ".join(f"{name} {each}" for name, each in held.items())
    else:
        text = str(held)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

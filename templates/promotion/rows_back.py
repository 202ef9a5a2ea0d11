"""The thread of `Restore data`: what moved since people approved it, why it could not begin, and what is back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.returning import returning
from templates.blocks import Mark, line, lines, mention


def _moved(p: Promotion, e: Entry) -> Mark:
    """Asks the same people again: what they approved is not what there is by now."""
    names: list[str] = []
    for person in _texts(e.data.get("people")):
        names += [mention(person) if person[:1] in "UWS" and person.isalnum() else person, " "]
    return line(
        *names, f"{p.id} was approved, and rows were written since. Nothing was put back. By now: "
        f"{'; '.join(_texts(e.data.get('more')))}. Look at its card, and approve it again if that is still right.",
    )


def _not_back(p: Promotion, e: Entry) -> Mark:
    return line(f"Nothing is back yet: {e.data['why']}")


def _back(p: Promotion, e: Entry) -> Mark:
    return lines("✓ Committed in one transaction:", *(line(part.said) for part in returning(e.data["tables"])))


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


RESTORING: Mapping[str, Callable[[Promotion, Entry], Mark]] = {
    "rows.moved": _moved, "rows.not_back": _not_back, "rows.back": _back,
}
"""The lines that no other record has."""

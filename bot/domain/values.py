"""Values out of journalled JSON: what is missing or of another shape counts as nothing."""

from __future__ import annotations

from datetime import datetime

from bot.domain.entry import Json


def texts(value: Json) -> tuple[str, ...]:
    """The items of a list as text."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def maps(value: Json) -> tuple[dict[str, Json], ...]:
    """The items of a list that are objects."""
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def integer(value: Json) -> int:
    """A whole number, or 0."""
    return value if isinstance(value, int) else 0


def moment(value: Json) -> datetime | None:
    """A time in ISO form, or None."""
    return datetime.fromisoformat(str(value)) if value else None

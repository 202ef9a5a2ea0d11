"""What a promotion's card is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.domain.record import Record


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a promotion's card is drawn from."""

    record: Record
    promotion: Promotion
    required: int = 1
    approvers: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    progress: Mapping[str, Json] = field(default_factory=dict)
    turn: str = ""
    """Its place in the line of those that wait, where others are before it."""
    schedulable: bool = False
    head_hash: str = ""
    rows_of: str = ""
    """The promotion whose destroyed rows are kept and could be put back now that it was rolled back."""

"""What a stage can say: go on, wait, or stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Next:
    """This stage is over; `to` names another stage than the following one."""

    said: str = ""
    to: str = ""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing to do until a fact arrives or `until` comes (None: only a fact)."""

    for_: str
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The record ends here: done, rejected, cancelled, expired, refused, failed or unverified."""

    verdict: str
    why: str = ""
    by: str = ""


Outcome: TypeAlias = Next | Wait | Stop

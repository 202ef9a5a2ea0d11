"""A known error that comes far more often than it does at this hour of the week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from bot.domain.faults import kind_of, signal_of
from bot.domain.noise import noise
from bot.domain.scene import Account, Scene
from bot.domain.sighting import Severity, baseline
from bot.domain.signal import Level, Signal

RULE = "above_baseline"
TIMES, MORE = 3, 10
"""Three times its busiest comparable hour, and ten events more: small numbers jump about by themselves."""

ENOUGH = 2
"""Weeks of the same hour that are needed before one speaks of a baseline."""


def signals(scene: Scene) -> Iterator[Signal]:
    """Known faults whose last sixty minutes are far above what was usual."""
    for account in scene.accounts:
        fault = account.fault
        if not account.known or noise(fault) or fault.severity in (Severity.SLOW, Severity.HTTP_5XX):
            continue
        now = sum(account.minutes.values())
        usual, said = _usual(account, scene)
        if usual is not None and now > max(usual * TIMES, usual + MORE):
            words = f"{now} in the last hour, {said}."
            whole = signal_of(
                account, RULE, f"{kind_of(fault, new=False)} far above its usual rate", Level.ERROR, also=(words,),
            )
            yield replace(whole, count=now, first=min(account.minutes))


def _usual(account: Account, scene: Scene) -> tuple[float | None, str]:
    """The busiest comparable hour, and how it is said; None while there is no day of history."""
    if account.since is None:
        return None, ""
    weeks = baseline(account.hours, scene.now, account.since)
    if len(weeks) >= ENOUGH:
        return max(weeks), f"at most {max(weeks)} at this hour of the week in the last {len(weeks)} weeks"
    past = scene.now - account.since
    if past < timedelta(days=1):
        return None, ""
    this = scene.now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    busiest = max((count for hour, count in account.hours.items() if hour < this), default=0)
    days = past // timedelta(days=1)
    known = f"{days} day{'s' if days != 1 else ''}"
    return busiest, f"at most {busiest} in any hour before; only {known} of history, too little for this hour's own"

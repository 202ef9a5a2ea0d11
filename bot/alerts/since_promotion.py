"""Anything new while a promotion is watched, with the promotion that it is put down to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.causes import cause_of
from bot.domain.faults import kind_of, signal_of
from bot.domain.noise import REFUSED, ends_one_session, noise
from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal, Wakes

RULE = "since_promotion"


def signals(scene: Scene) -> Iterator[Signal]:
    """Faults that were never seen before a promotion that is watched now."""
    watched = tuple(each for each in scene.recent if each.until >= scene.now)
    for account in scene.accounts:
        fault = account.fault
        if account.known or noise(fault) or not account.within(timedelta(minutes=5), scene.now):
            continue
        if ends_one_session(fault) and account.at_most_within(timedelta(minutes=5)) < REFUSED:
            continue
        if cause := cause_of(fault, watched):
            yield signal_of(
                account, RULE, f"{kind_of(fault)} since {cause.promotion}", Level.ERROR, cause=cause, foldable=False,
                wakes=Wakes.ALARM if cause.sure else None,
            )

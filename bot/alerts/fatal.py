"""FATAL and PANIC are told at once, whether or not they were seen before; one session's own are a new error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.causes import cause_of
from bot.domain.faults import signal_of
from bot.domain.noise import ends_one_session, noise
from bot.domain.scene import Scene
from bot.domain.sighting import Severity
from bot.domain.signal import Level, Signal, Wakes

RULE = "fatal"


def signals(scene: Scene) -> Iterator[Signal]:
    """Every one of the last five minutes."""
    for account in scene.accounts:
        fault = account.fault
        if fault.severity not in (Severity.FATAL, Severity.PANIC) or ends_one_session(fault) or noise(fault):
            continue
        if account.within(timedelta(minutes=5), scene.now):
            yield signal_of(
                account, RULE, f"{fault.severity} in production", Level.FATAL, wakes=Wakes.FATAL,
                cause=None if account.known else cause_of(fault, scene.recent), foldable=False,
            )

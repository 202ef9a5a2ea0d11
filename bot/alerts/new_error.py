"""An error that was never seen before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.faults import kind_of, signal_of
from bot.domain.noise import noise
from bot.domain.scene import Scene
from bot.domain.sighting import Severity
from bot.domain.signal import Level, Signal

RULE = "new_error"
WITHIN = timedelta(minutes=5)


def signals(scene: Scene) -> Iterator[Signal]:
    """New faults that came as often within five minutes as the policy's `error_threshold`.

    One that began after the logs were first judged, and was read only now because logs were late or there was a gap,
    counts by its own worst five minutes. Answers of 500 and above are judged by `failing_service`.
    """
    for account in scene.accounts:
        fault = account.fault
        if account.known or noise(fault) or fault.severity in (Severity.SLOW, Severity.HTTP_5XX):
            continue
        count = account.within(WITHIN, scene.now)
        if account.since and fault.first_seen >= account.since:
            count = max(count, account.at_most_within(WITHIN))
        if count >= scene.limits.error_threshold:
            yield signal_of(account, RULE, f"{kind_of(fault)} in production", Level.ERROR)

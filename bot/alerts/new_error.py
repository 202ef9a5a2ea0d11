"""An error that was never seen before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.domain.alert import RATE
from bot.domain.answers import service_of_template
from bot.domain.faults import kind_of, signal_of
from bot.domain.noise import REFUSED, ends_one_session, made_by_a_client, noise, typed
from bot.domain.scene import Scene
from bot.domain.sighting import Fault, Severity, Source
from bot.domain.signal import Level, Signal

RULE = "new_error"
WITHIN = timedelta(minutes=5)
FLOOD = 20
"""From how many within that time on requests that are refused for what they hold are more than a nuisance."""

ANSWERS = 5
"""How often within an hour a path is answered 5xx until it is told, where its service as a whole is well."""

BY_HAND = "Perhaps SQL that somebody tries by hand: it names what is not there, as the owner of the database."


def signals(scene: Scene) -> Iterator[Signal]:
    """New faults that came as often within five minutes as the policy's `error_threshold`.

    One that began after the logs were first judged, and was read only now because logs were late or there was a gap,
    counts by its own worst five minutes. A path that is answered 5xx counts by the hour;
    what covers it is `failing_service`.
    """
    for account in scene.accounts:
        fault = account.fault
        if account.known or noise(fault) or fault.severity is Severity.SLOW:
            continue
        count = account.within(WITHIN, scene.now)
        if account.since and fault.first_seen >= account.since:
            count = max(count, account.at_most_within(WITHIN))
        if _is_answer(fault):
            count, least = sum(account.minutes.values()), ANSWERS
        else:
            least = 1
        if count >= max(scene.limits.error_threshold, least):
            yield signal_of(
                account, RULE, f"{kind_of(fault)} in production", _level(fault, count), within=_service(fault),
                also=(BY_HAND,) if typed(fault) and count < FLOOD else (),
            )


def _is_answer(fault: Fault) -> bool:
    """Whether all that is known is a path and its status: who failed says why in a log of its own."""
    return fault.severity is Severity.HTTP_5XX and fault.source not in (Source.AUTH, Source.STORAGE)


def _service(fault: Fault) -> str:
    """The key of the alert about a service that fails altogether."""
    if fault.severity is not Severity.HTTP_5XX:
        return ""
    return f"{RATE}{service_of_template(fault.source, fault.template)}"


def _level(fault: Fault, count: int) -> Level:
    """What one request or somebody's own SQL brought about calls nobody out of bed unless there is a flood of it."""
    if ends_one_session(fault):
        return Level.NOTICE if count < REFUSED else Level.ERROR
    slight = made_by_a_client(fault) or typed(fault) or _is_answer(fault)
    return Level.NOTICE if slight and count < FLOOD else Level.ERROR

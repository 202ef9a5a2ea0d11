"""A service answers with 500 and above far more often than usually: one signal a service, whatever the paths."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.domain.alert import RATE
from bot.domain.answers import Answers, at_least, percent
from bot.domain.causes import cause_of
from bot.domain.noise import noise
from bot.domain.scene import Recent, Scene
from bot.domain.sighting import baseline
from bot.domain.signal import Cause, Level, Signal
from bot.domain.span import times

RULE = "failing_service"
WINDOWS = ((timedelta(minutes=5), 1), (timedelta(hours=1), 4))
"""How far back is looked, and how many times the policy's number of failures it takes: one of three is no outage."""

UNTOLD = 10
"""The same where no log says how many requests there were."""

TIMES, MORE = 3, 0.01
"""Three times the usual share, and one request of a hundred more."""

ENOUGH, WEEKS, DAY = 20, 2, timedelta(days=1)
"""Requests of an hour, and weeks, that are needed before one speaks of what is usual."""

TOP = 5
LATE = timedelta(minutes=10)
"""How late it may be known how many requests a minute had: where nobody delivers them they are asked for."""


def signals(scene: Scene) -> Iterator[Signal]:
    """Services, each by the log that saw the most of its requests."""
    seen: set[str] = set()
    for answers in sorted(scene.answers, key=lambda each: -sum(asked for asked, _ in each.minutes.values())):
        if answers.service in seen:
            continue
        seen.add(answers.service)
        usual, words = _usual(answers, scene.now)
        for window, more in WINDOWS:
            least = more * scene.limits.failing_requests
            if signal := _signal(answers, scene, window, least, usual, words):
                yield signal
                break


def _signal(
    answers: Answers, scene: Scene, window: timedelta, least: int, usual: float | None, words: str,
) -> Signal | None:
    end = _counted_until(answers, scene.now)
    asked, failed = answers.between(end - window, end)
    limit = scene.limits.failing_percent / 100 if usual is None else max(TIMES * usual, usual + MORE)
    within = f"{window // timedelta(minutes=1)} min" if window < timedelta(hours=1) else "an hour"
    if answers.told:
        if failed < least or at_least(failed, asked) <= limit:
            return None
        share = percent(failed / asked)
        said = f"{failed:,} of {asked:,} requests within {within} were answered 5xx ({share}); {words}."
    elif failed >= max(least, UNTOLD):
        said = f"{failed:,} requests within {within} were answered 5xx; no log tells how many there were in all."
    else:
        return None
    failing = [minute for minute, (_, bad) in answers.minutes.items() if bad and end - window <= minute < end]
    return Signal(
        key=f"{RATE}{answers.service}", rule=RULE, title=f"Requests to {answers.service} fail in production",
        level=Level.ERROR, state=True, foldable=False, count=failed, said=said, first=min(failing),
        last=min(max(failing) + timedelta(minutes=1), scene.now), top=_top(answers, end - window, end),
        cause=_cause(answers, scene.recent, scene.now),
    )


def _counted_until(answers: Answers, now: datetime) -> datetime:
    """Just behind the last minute whose requests were counted: where they are asked for, they come a little later."""
    counted = [minute for minute, (asked, _) in answers.minutes.items() if asked and now - minute < LATE]
    return max(counted, default=now.replace(second=0, microsecond=0)) + timedelta(minutes=1)


def _usual(answers: Answers, now: datetime) -> tuple[float | None, str]:
    """The usual share, and how it is said; None while there is no day of history."""
    this = now.replace(minute=0, second=0, microsecond=0)
    if answers.since is None or now - answers.since < DAY:
        return None, "less than a day of history tells what is usual"
    asked = {hour: counts[0] for hour, counts in answers.hours.items()}
    failed = {hour: counts[1] for hour, counts in answers.hours.items()}
    weeks = list(zip(baseline(asked, now, answers.since), baseline(failed, now, answers.since), strict=True))
    shares = [bad / all_ for all_, bad in weeks if all_ >= ENOUGH]
    if len(shares) >= WEEKS:
        return max(shares), f"usual at this hour of the week: at most {percent(max(shares))}"
    before = [counts for hour, counts in answers.hours.items() if hour < this and counts[0]]
    total = sum(all_ for all_, _ in before)
    if total < ENOUGH:
        return None, "too few requests were counted before to tell what is usual"
    share = sum(bad for _, bad in before) / total
    days = (now - answers.since) // DAY
    return share, (
        f"usual: {percent(share)}, of all hours, since {days} day{'s are' if days != 1 else ' is'} too little for this "
        "hour's own"
    )


def _top(answers: Answers, begin: datetime, end: datetime) -> tuple[str, ...]:
    """The paths with their status codes that failed most."""
    counted = [
        (sum(count for minute, count in minutes.items() if begin <= minute < end), fault.template)
        for fault, minutes in answers.faults
    ]
    ranked = sorted(((count, said) for count, said in counted if count), reverse=True)
    more = (f"and {len(ranked) - TOP} more kinds",) if len(ranked) > TOP else ()
    return (*(f"{times(count)}: {said}" for count, said in ranked[:TOP]), *more)


def _cause(answers: Answers, recent: tuple[Recent, ...], now: datetime) -> Cause | None:
    """The promotion that is watched, if one of the failing requests is put down to it; a sure one goes first."""
    watched = tuple(each for each in recent if each.until >= now)
    found = [cause for fault, _ in answers.faults if not noise(fault) and (cause := cause_of(fault, watched))]
    return next((cause for cause in found if cause.sure), found[0] if found else None)

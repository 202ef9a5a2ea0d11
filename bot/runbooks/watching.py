"""The watch of a promotion: what production was like before, what is looked at after, and the alarm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.domain.reading import means
from bot.domain.signal import Level, Signal, Wakes
from bot.domain.watching import Before, Look, Spot
from bot.errors import StagedoorError
from bot.ports import Put
from bot.runbooks import looks
from bot.runbooks.outcome import Next, Outcome, Wait
from bot.watch.raising import Raising, held
from bot.watch.recent import touched
from bot.world import World

BEFORE = "watch-before"
"""By promotion: what production was like before it was touched, and its spot checks right after."""

LATE = timedelta(minutes=10)
"""How long the end of a watch is held up for logs that have not arrived."""

ANEW = timedelta(minutes=5)
"""How often the card says anew up to where the logs were read."""


def remember(promotion: Promotion, world: World) -> None:
    """Look at production before anything is touched. A look that fails holds nothing up: it is said as unseen."""
    vitals, shelves = world.project.vitals, world.ports.shelves
    if vitals is None or promotion.began or shelves.get(BEFORE, promotion.id):
        return
    try:
        reading = vitals.read(world.policy.watch.slow_query_ms)
        spots = vitals.spots(tables(promotion, world))
        doc: dict[str, Json] = {
            "connections": reading.connections, "statements": means(reading),
            "spots": [spot.to_json() for spot in spots],
        }
    except StagedoorError as trouble:
        doc = {"why": str(trouble)}
    shelves.put([Put(shelf=BEFORE, key=promotion.id, doc=doc)])


def watch(promotion: Promotion, world: World) -> Outcome:
    """Look until the policy's time is over and the logs of that time have arrived; an alarm is raised once."""
    policy, now = world.policy.watch, world.ports.clock.now()
    if promotion.watch_until is None:
        return _begin(promotion, world)
    until = promotion.watch_until
    look = _look(promotion, world)
    last = now >= until and (not _logs_missing(look, until) or now >= until + LATE)
    if last and _logs_missing(look, until):
        look += Look(unseen=(f"the logs after {look.logs:%H:%M} UTC, which had not arrived",) if look.logs else ())
    begun = promotion.looks.begun or until - policy.duration
    due = promotion.looks.first is None and now >= min(begun + policy.first_look, until)
    if _visits_due(promotion, due, last, world):
        look += looks.pages(promotion, world)
    promotion = _alarm(promotion, look, world)
    new = [wrong for wrong in look.wrong if wrong not in promotion.looks.wrong]
    if new or due or last:
        promotion = promotion.after(world.note("watch.looked", {
            "said": look.said, "well": not look.wrong, "wrong": list(look.wrong), "new": list[Json](new),
            "unseen": list(look.unseen), "seen": list(look.seen), "last": last,
            "people": list[Json](dict.fromkeys((promotion.requested_by, *promotion.approvals))),
        }))
    if last:
        return Next(said=promotion.watched)
    _show(promotion, look, until, world)
    return Wait(for_="the watch", until=min(until, now + policy.poll) if now < until else now + policy.poll)


def tables(promotion: Promotion, world: World) -> tuple[str, ...]:
    """The tables that the promotion touches, as `schema.table`."""
    found: dict[str, None] = {}
    for name in touched(world.ports, promotion):
        parts = name.partition("(")[0].split(".")
        if len(parts) >= 2:
            found[".".join(parts[:2])] = None
    return tuple(found)


def _begin(promotion: Promotion, world: World) -> Outcome:
    policy, now, kept = world.policy.watch, world.ports.clock.now(), world.ports.shelves.get(BEFORE, promotion.id)
    vitals = world.project.vitals
    if kept and "after" not in kept and vitals is not None:
        try:
            after = [spot.to_json() for spot in vitals.spots(tables(promotion, world))]
            ran = means(vitals.read(policy.slow_query_ms))
            doc: dict[str, Json] = {**kept, "after": list[Json](after), "ran": ran}
            world.ports.shelves.put([Put(shelf=BEFORE, key=promotion.id, doc=doc)])
        except StagedoorError:
            pass    # the looks say that they could not
    world.note("watch.begun", {
        "until": (now + policy.duration).isoformat(), "health": list(policy.health),
        "pages": list(world.policy.frontend.production), "logs": looks.logs_read(world) is not None,
        "database": vitals is not None, "first": min(policy.first_look, policy.duration).total_seconds(),
    })
    return Wait(for_="the watch", until=now)


def _look(promotion: Promotion, world: World) -> Look:
    before = before_of(world.ports.shelves.get(BEFORE, promotion.id))
    return (
        looks.logs(promotion, world) + looks.database(promotion, before, world) + looks.spots(
            promotion, before, _after(world.ports.shelves.get(BEFORE, promotion.id)), tables(promotion, world), world,
        ) + looks.health(world)
    )


def _logs_missing(look: Look, until: datetime) -> bool:
    """Whether there are logs to wait for."""
    return look.logs is not None and look.logs < until


def _visits_due(promotion: Promotion, due: bool, last: bool, world: World) -> bool:
    """Pages are opened at the first look and at the last: a browser is no toy to run every few seconds."""
    return bool(world.policy.frontend.production) and (due or last) and not (due and last and promotion.looks.visited)


def _show(promotion: Promotion, look: Look, until: datetime, world: World) -> None:
    """How long it goes on and up to where the logs were read, outside of the chain and not at every look."""
    step, left = int(ANEW.total_seconds()), (until - world.ports.clock.now()).total_seconds()
    seen: dict[str, Json] = {"left": math.ceil(left / step) * step} if left > 0 else {
        "late": (until + LATE).isoformat()
    }
    if look.logs is not None:
        read = datetime.fromtimestamp(int(look.logs.timestamp()) // step * step, look.logs.tzinfo)
        seen["logs"] = read.isoformat()
    if (world.ports.shelves.get("progress", promotion.id) or {}) != seen:
        world.progress(seen)


def _alarm(promotion: Promotion, look: Look, world: World) -> Promotion:
    """Raise one alert for what is wrong, or link to the one that tells of it already."""
    if not look.wrong:
        return promotion
    ports, key = world.ports, f"alarm:{promotion.id}"
    now = ports.clock.now()
    if not look.alert:
        Raising(ports, promotion.plan.project).settle([Signal(
            key=key, rule="alarm", title=f"Alarm while {promotion.id} is watched", level=Level.ERROR,
            said=look.wrong[0], evidence=look.wrong[1:], count=len(look.wrong), first=now, last=now,
            wakes=Wakes.ALARM, foldable=False, cause=looks.blame(promotion, look),
        )])
    live = held(ports, promotion.plan.project, key)
    alert = look.alert or (live.record if live else "")
    if promotion.looks.alarm or not alert:
        return promotion
    return promotion.after(world.note("watch.alarm", {
        "alert": alert, "wrong": list(look.wrong),
        "people": list[Json](dict.fromkeys((promotion.requested_by, *promotion.approvals))),
    }))


def before_of(doc: Mapping[str, Json] | None) -> Before:
    """What was remembered."""
    if doc is None:
        return Before(why="nobody looked before it went in")
    statements, ran, kept = doc.get("statements"), doc.get("ran"), doc.get("connections")
    return Before(
        connections=kept if isinstance(kept, int) else 0, why=str(doc.get("why", "")), spots=_spots(doc.get("spots")),
        statements=statements if isinstance(statements, dict) else {}, ran=ran if isinstance(ran, dict) else None,
    )


def _after(doc: Mapping[str, Json] | None) -> tuple[Spot, ...]:
    return _spots(doc.get("after")) if doc else ()


def _spots(value: Json) -> tuple[Spot, ...]:
    return tuple(Spot.from_json(each) for each in value if isinstance(each, dict)) if isinstance(value, list) else ()

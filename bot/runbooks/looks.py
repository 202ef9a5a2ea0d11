"""What a watch looks at, each with what was seen, what is wrong, and what could not be seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.alerts import (
    above_baseline,
    blocked,
    connections,
    cron_failed,
    failing_service,
    idle_in_transaction,
    long_transaction,
    slow_query,
)
from bot.domain.alert import KIND, Alert
from bot.domain.causes import AT_ONCE, outsiders_alone
from bot.domain.faults import kind_of
from bot.domain.noise import REFUSED, ends_one_session, noise, typed
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.reading import Reading, counters
from bot.domain.record import Status
from bot.domain.scene import Scene
from bot.domain.sighting import Fault, Severity
from bot.domain.signal import Cause, Signal
from bot.domain.values import integer
from bot.domain.watching import NO_ERRORS, NO_SLOW, Before, Look, Spot, compared
from bot.errors import StagedoorError
from bot.ports import read_up_to
from bot.watch.reading import read
from bot.watch.watcher import JUDGED, limits
from bot.world import World

WORSE = frozenset({above_baseline.RULE, failing_service.RULE})
DATABASE_RULES = (slow_query, blocked, idle_in_transaction, long_transaction, connections, cron_failed)
SHORT = 140
ABOUT_TO = timedelta(seconds=30)
"""How long a new fault is left to the judging of the logs before the watch speaks of it by itself."""

AGAIN = 3
"""How often what looks like SQL that somebody tries by hand has to come."""


def since(promotion: Promotion) -> datetime:
    """When its first file went in."""
    return min(each.at for each in promotion.committed.values())


def logs_read(world: World) -> datetime | None:
    """Up to where production's logs were read; None where nobody reads them."""
    tallies = world.ports.tallies
    return read_up_to(tallies.reached(world.record.project, Environment.PRODUCTION)) if tallies else None


def logs(promotion: Promotion, world: World) -> Look:
    """New errors since it went in, and what an alert says is far above its usual rate."""
    tallies, read, begun = world.ports.tallies, logs_read(world), since(promotion)
    if tallies is None or read is None:
        return Look(unseen=("the logs, since neither a log drain nor the Management API brings them",))
    project = promotion.plan.project
    new = [
        fault for fault in tallies.faults(project, Environment.PRODUCTION, begun)
        if fault.first_seen >= begun - timedelta(seconds=AT_ONCE) and fault.severity is not Severity.SLOW
        and not noise(fault) and not outsiders_alone(fault) and fault.total >= _least(fault)
        and not _unjudged(fault, promotion, world)
    ]
    wrong = tuple(f"{kind_of(fault)}: {fault.template[:SHORT]}" for fault in new)
    alerts = _alerts(project, world)
    known = [each for each in alerts if each.rule in WORSE and each.at >= begun]
    wrong += tuple(f"{each.title}: {each.said[:SHORT]}" for each in known)
    blamed = [each.id for each in alerts if each.cause and each.cause.promotion == promotion.id and each.cause.sure]
    gaps = tuple(
        f"the logs from {gap.begin:%H:%M} to {gap.end:%H:%M} UTC: {gap.why}"
        for gap in tallies.gaps(project, Environment.PRODUCTION, begun)
    )
    return Look(
        seen=() if wrong else (NO_ERRORS,), wrong=wrong, unseen=gaps, logs=read,
        alert=blamed[0] if blamed else "",
    )


def _unjudged(fault: Fault, promotion: Promotion, world: World) -> bool:
    """Whether its own alert is about to be raised: the next look links to that one, so that it is told once."""
    doc, now = world.ports.shelves.get(JUDGED, "fold") or {}, world.ports.clock.now()
    if promotion.watch_until is None or now >= promotion.watch_until:
        return False    # there is no next look
    return fault.fold > integer(doc.get("fold", 0)) and now - fault.first_seen < ABOUT_TO


def _least(fault: Fault) -> int:
    """How often it takes to be an alarm: a refused session, or somebody's own SQL, is none the first time."""
    return REFUSED if ends_one_session(fault) else AGAIN if typed(fault) else 1


def database(promotion: Promotion, before: Before, world: World) -> Look:
    """Slow statements, locks, long transactions and connections, by the rules of the alerts."""
    vitals, watch = world.project.vitals, world.policy.watch
    if vitals is None:
        return Look(unseen=("the database's own counters",))
    try:
        reading = read(vitals, watch.slow_query_ms)
    except StagedoorError as trouble:
        return Look(unseen=(f"the database: {trouble}",))
    scene = Scene(
        project=promotion.plan.project, now=world.ports.clock.now(), limits=limits(watch), reading=reading,
        before=None if before.why else counters(before.statements),
        counted=None if before.ran is None else counters(before.ran),
    )
    signals = [signal for rule in DATABASE_RULES for signal in rule.signals(scene)]
    signals = [each for each in signals if each.first >= since(promotion)]
    unseen = [f"{what}: {why}" for what, why in reading.unread.items()]
    if before.why and "statements" not in reading.unread:
        unseen.append(f"whether statements are slower than before: {before.why}")
    seen = () if signals else _calm(reading, before)
    return Look(seen=seen, wrong=tuple(_said(each) for each in signals), unseen=tuple(unseen))


def _calm(reading: Reading, before: Before) -> tuple[str, ...]:
    """What was looked at and is well; of what could not be read nothing is said here."""
    count, was = reading.connections, "" if before.why else f", {before.connections} before"
    found = {
        "statements": NO_SLOW, "sessions": "nobody blocked",
        "connections": f"{count} connection{'s' if count != 1 else ''}{was}",
    }
    return tuple(said for part, said in found.items() if part not in reading.unread)


def spots(
    promotion: Promotion, before: Before, after: tuple[Spot, ...], tables: tuple[str, ...], world: World,
) -> Look:
    """Counts, foreign keys and policies of the touched tables against those right after it went in."""
    vitals = world.project.vitals
    if vitals is None:
        return Look()
    if not tables:
        return Look(unseen=("the touched tables, which no staging run of Stagedoor's named",))
    try:
        now = vitals.spots(tables)
    except StagedoorError as trouble:
        return Look(unseen=(f"the touched tables: {trouble}",))
    first, base = {each.table: each for each in before.spots}, {each.table: each for each in after}
    wrong = [
        text for spot in now
        for text in compared(first.get(spot.table, Spot(table=spot.table)), spot, after_apply=base.get(spot.table))
    ]
    wrong += [f"{name} is gone" for name in base if name not in {spot.table for spot in now}]
    count = len(now)
    seen = f"{count} touched table{'s' if count != 1 else ''} with rows, keys and policies as they were"
    return Look(seen=() if wrong or not now else (seen,), wrong=tuple(wrong))


def health(world: World) -> Look:
    """Every health address of the policy, asked once."""
    addresses = world.policy.watch.health
    if not addresses:
        return Look(unseen=("health addresses: the policy names none",))
    wrong = tuple(f"{url} {problem}" for url in addresses if (problem := world.ports.health.check(url)))
    count = len(addresses)
    return Look(seen=() if wrong else (f"{count} health address{'es' if count != 1 else ''} answered",), wrong=wrong)


def pages(promotion: Promotion, world: World) -> Look:
    """The policy's pages, opened; their pictures go into the thread."""
    found = Look()
    for url in world.policy.frontend.production:
        if world.stopping():
            return found + Look(unseen=("pages that were not opened, since Stagedoor was stopped",))
        visit = world.ports.pages.visit(url)
        picture = world.ports.shelves.keep(visit.picture) if visit.picture else ""
        world.note("watch.visited", {"visit": visit.to_json(), "picture": picture})
        found += Look(seen=(visit.said,)) if visit.well else Look(wrong=(visit.complaint,))
    return found


def blame(promotion: Promotion, look: Look) -> Cause:
    """The promotion that is watched; what only coincides with it is said to."""
    return Cause(promotion=promotion.id, why="seen while it is watched, and not before")


def _alerts(project: str, world: World) -> list[Alert]:
    journal = world.ports.journal
    return [
        Alert.of(journal.entries(about=record.id))
        for record in journal.find(kind=KIND, project=project, status=Status.LIVE)
    ]


def _said(signal: Signal) -> str:
    more = f" ({signal.evidence[0].rstrip('.')})" if signal.rule == slow_query.RULE and signal.evidence else ""
    return f"{signal.title}: {signal.said[:SHORT]}{more}"

"""The runbook of an alert: call, page and draw while it lasts; over once it is quiet, which is said once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.alert import COUNTERS, KIND, Alert, Counters, quiet_for
from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.domain.record import Status
from bot.domain.signal import Level
from bot.errors import Unreachable
from bot.ports import Pager, read_up_to
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.walker import Runbook
from bot.watch.raising import muted
from bot.watch.sight import LOOKED
from bot.world import World

LOOK_AGAIN = timedelta(seconds=15)
SUSTAINED = timedelta(minutes=10)
"""An error that goes on for so long without anybody's word calls on-call."""

STILL, A_MINUTE = timedelta(minutes=3), 1.0
"""Going on: it happened this long ago at most, and a fault of the logs so often a minute: a trickle can wait."""

ONE_CALL = timedelta(minutes=30)
"""How long nobody is mentioned again for an error that lasts, once he was for another one of the same project."""

PICTURE_AFTER = timedelta(minutes=2)
STATE_OVER = timedelta(seconds=20)
SILENT_STEP = "quiet"


def open(alert: Alert, world: World) -> Outcome:
    """Call whom it takes, once; go on when nothing has been seen of it for a while."""
    now, counters = world.ports.clock.now(), current(alert, world)
    silent = alert.muted(now) or muted(world.policy, alert, now)
    if alert.over or _quiet(alert, counters, world):
        return Next(said=_since(counters))
    if not silent:
        _call(alert, counters, world)
        if alert.acknowledged and counters.count >= 2 * max(alert.acknowledged_count, alert.doubled, 1):
            world.note("alert.doubled", {"count": counters.count, "before": alert.doubled or alert.acknowledged_count})
        _page(alert, counters, world)
    _acknowledge_page(alert, world)
    if alert.fingerprint and not alert.pictured and now - alert.at >= PICTURE_AFTER:
        _picture(alert, world)
    return Wait(for_=SILENT_STEP, until=now + LOOK_AGAIN)


def ended(alert: Alert, world: World) -> Outcome:
    """Tell the pager that it is over, if it was paged."""
    if alert.paged and (pager := world.ports.pager):
        pager.resolve(page_key(alert))
    counters = current(alert, world)
    return Stop(verdict="resolved", why=str(counters.count))


def current(alert: Alert, world: World) -> Counters:
    doc = world.ports.shelves.get(COUNTERS, alert.id)
    return Counters.from_json(doc) if doc else alert.raised


def page_key(alert: Alert) -> str:
    """By what a page is known to the pager: the same alert is paged once, however often it is said."""
    return f"stagedoor:{alert.project}:{alert.id}:{alert.at:%Y%m%dT%H%M%S}"


# Quiet


def _quiet(alert: Alert, counters: Counters, world: World) -> bool:
    """Whether it is over. What nobody could look at meanwhile is not quiet."""
    now = world.ports.clock.now()
    if alert.keeps and not alert.acknowledged:
        return False
    if alert.state and not alert.of_logs:
        looked = _looked(alert, world)
        return looked is not None and looked > counters.seen and looked - counters.seen >= STATE_OVER
    if quiet_for(alert, counters, now) < world.policy.watch.quiet:
        return False
    return not alert.of_logs or _read_since(alert, counters, world)


def _looked(alert: Alert, world: World) -> datetime | None:
    doc = world.ports.shelves.get(LOOKED, alert.project)
    return datetime.fromisoformat(str(doc["at"])) if doc and doc.get("at") else None


def _read_since(alert: Alert, counters: Counters, world: World) -> bool:
    """Whether the logs were read far enough to say that nothing came any more."""
    tallies = world.ports.tallies
    reached = tallies.reached(alert.project, Environment.PRODUCTION) if tallies else {}
    up_to = read_up_to(reached)
    return up_to is None or up_to >= counters.last + world.policy.watch.quiet / 2


def _since(counters: Counters) -> str:
    return f"{counters.count} in all, the last one {counters.last.isoformat()}"


# Calling and paging


def _call(alert: Alert, counters: Counters, world: World) -> None:
    """Mention on-call, once: for FATAL at once, for an error when it goes on and nobody has acknowledged it."""
    if alert.called:
        return
    now = world.ports.clock.now()
    lasts = now - alert.at >= SUSTAINED and now - counters.last <= STILL and not alert.acknowledged
    lasts = lasts and (not alert.fingerprint or counters.rate >= A_MINUTE)
    if alert.level is Level.FATAL or (alert.level is Level.ERROR and lasts and not _somebody_knows(alert, world)):
        people: list[Json] = [*world.policy.incidents.on_call]
        why = "" if alert.level is Level.FATAL else "it goes on, and nobody has acknowledged it"
        world.note("alert.called", {"people": people, "why": why, "count": counters.count})


def _somebody_knows(alert: Alert, world: World) -> bool:
    """Whether on-call was mentioned for another error of this project that lasts, a short while ago: one outage."""
    journal, now = world.ports.journal, world.ports.clock.now()
    others = (
        Alert.of(journal.entries(about=record.id))
        for record in journal.find(kind=KIND, project=alert.project, status=Status.LIVE) if record.id != alert.id
    )
    return any(
        other.level is Level.ERROR and other.called_at and now - other.called_at < ONE_CALL for other in others
    )


def _page(alert: Alert, counters: Counters, world: World) -> None:
    pager = world.ports.pager
    if pager is None or alert.paged or alert.wakes is None or str(alert.wakes) not in world.policy.watch.page:
        return
    details: Mapping[str, Json] = {
        "alert": alert.id, "project": alert.project, "what": alert.said[:500], "count": counters.count,
        "evidence": list(alert.evidence[:5]), **({"promotion": alert.cause.promotion} if alert.cause else {}),
    }
    try:
        pager.trigger(page_key(alert), f"{alert.title} · {alert.project} ({alert.id})", details)
    except Unreachable as trouble:
        if str(trouble) != alert.page_trouble:
            world.note("alert.page_failed", {"why": str(trouble)})
        return
    world.note("alert.paged", {"key": page_key(alert)})


def _acknowledge_page(alert: Alert, world: World) -> None:
    pager: Pager | None = world.ports.pager
    if pager and alert.paged and alert.acknowledged and not alert.page_acknowledged:
        try:
            pager.acknowledge(page_key(alert), alert.acknowledged[0])
        except Unreachable:
            return      # tried again with the next look
        world.note("alert.page_acknowledged", {})


# The picture


def _picture(alert: Alert, world: World) -> None:
    """Draw errors per minute, with the promotion marked; without a picture the words have to do."""
    ports, now = world.ports, world.ports.clock.now()
    if ports.tallies is None or ports.pictures is None:
        return
    begin = min(alert.raised.first, alert.at) - timedelta(minutes=30)
    begin = max(begin, now - timedelta(hours=3))
    counts = ports.tallies.per_minute(alert.project, Environment.PRODUCTION, alert.fingerprint, begin, now)
    promoted = _promoted(alert, world)
    drawing: dict[str, Json] = {
        "title": f"{alert.id}: events per minute, UTC", "begin": begin.isoformat(), "end": now.isoformat(),
        "minutes": [[minute.isoformat(), count] for minute, count in sorted(counts.items())],
        "marks": [[promoted.isoformat(), alert.cause.promotion]] if promoted and alert.cause else [],
    }
    try:
        png = ports.pictures.errors_per_minute(drawing)
    except Unreachable as trouble:
        world.note("alert.pictured", {"sha256": "", "why": str(trouble), "alt": ""})
        return
    world.note("alert.pictured", {"sha256": ports.shelves.keep(png), "alt": _alt(alert, counts, promoted)})


def _promoted(alert: Alert, world: World) -> datetime | None:
    """When the promotion that is blamed put its first file in."""
    if alert.cause is None:
        return None
    committed = (e.at for e in world.ports.journal.entries(about=alert.cause.promotion) if e.kind == "apply.committed")
    return next(committed, None)


def _alt(alert: Alert, counts: Mapping[datetime, int], promoted: datetime | None) -> str:
    """The same in words, for those who do not see it."""
    if not counts:
        return f"{alert.id}: no events per minute were counted."
    peak = max(counts, key=lambda minute: counts[minute])
    said = f"{sum(counts.values())} events; most in one minute: {counts[peak]} at {peak:%H:%M} UTC"
    mark = f"; {alert.cause.promotion} went in at {promoted:%H:%M} UTC" if promoted and alert.cause else ""
    return f"{alert.id}, events per minute: {said}{mark}."


RUNBOOK = Runbook(stages=(open, ended), leave=lambda world: None, fold=Alert.of)

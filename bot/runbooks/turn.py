"""When an approved promotion's turn comes: the window it waits for, who is there, and who is before it in line."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.entry import SYSTEM, Fact, Json
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.domain.window import Closure, Span
from bot.ports import Put
from bot.promotions.following import goes_first
from bot.roles import requesters
from bot.runbooks.emergency import held_by_a_person
from bot.runbooks.outcome import Next, Outcome, Wait
from bot.runbooks.steps import SETTLE, called_off
from bot.runbooks.voters import void
from bot.windows import schedule
from bot.windows.calendar import EVER, Calendar
from bot.world import World

BEFORE_OPENING = timedelta(minutes=10)
"""How long before a window opens somebody is asked to be there."""

LOOK_AGAIN = timedelta(seconds=30)
"""How soon the calendar is looked at again when no fact arrives."""

OCCURRENCES = "occurrences"
"""Which record tells of an occurrence of the policy's windows."""

OPENING, SOMEBODY = "the deploy window", "somebody who is there"


def window(promotion: Promotion, world: World) -> Outcome:
    """Hold the promotion until a deploy window is open and, if it had to wait for that, somebody is there."""
    if over := called_off(promotion):
        return over
    ports, now = world.ports, world.ports.clock.now()
    if promotion.emergency:
        held = held_by_a_person(promotion, world)
        waits = Wait(for_=held, until=now + LOOK_AGAIN) if held else _turn(promotion, world)
        return waits or Next(said="an emergency passes the deploy windows")
    every = schedule.calendar(ports, promotion.plan.project, promotion.id)
    closed = every.closed_at(now)
    if promotion.run_now and promotion.run_now.given_by and closed is None:
        if why := _no_longer_given(promotion, world):
            world.note("run_now.void", {"by": promotion.run_now.given_by, "why": why})
            return Wait(for_=OPENING, until=now)
        return _turn(promotion, world) or Next(said="run now, outside of the deploy windows")
    span = schedule.place(ports, promotion, every, now)
    if span is None:
        why = _held_by(closed) or f"a window that lasts long enough: {_takes(promotion, world)}"
        if not promotion.held or promotion.planned:
            world.note("window.held", {"why": why})
        return Wait(for_=why, until=now + LOOK_AGAIN)
    if span.start <= now and not promotion.waited:
        return _turn(promotion, world) or Next(said="deploys are open")
    if not _is_planned(promotion, span, now):
        _plan(promotion, span, every, world)
        return Wait(for_=_held_by(closed) or OPENING, until=now)
    return _at_opening(promotion, span, world, every)


def not_now(promotion: Promotion, world: World) -> str:
    """Why a promotion that was let through may not begin after all; nothing when it may."""
    ports, now = world.ports, world.ports.clock.now()
    if promotion.emergency:
        held = held_by_a_person(promotion, world) or _rollback(promotion.plan.project, world)
        return f"it waits for {held}" if held else ""
    every = schedule.calendar(ports, promotion.plan.project, promotion.id)
    if closed := every.closed_at(now):
        return f"frozen before it began, {_held_by(closed)}"
    if rollback := _rollback(promotion.plan.project, world):
        return f"{rollback} goes first"
    if first := goes_first(promotion.plan, ports):
        return f"it follows {first}, which is not in yet"
    if promotion.run_now and promotion.run_now.given_by:
        return ""
    span = schedule.place(ports, promotion, every, now)
    return "" if span and span.start <= now else "the window is over before it began"


def _at_opening(promotion: Promotion, span: Span, world: World, every: Calendar) -> Outcome:
    now, attended = world.ports.clock.now(), world.policy.deploy.attended
    opens = promotion.planned or span.start
    near = opens - BEFORE_OPENING
    if now < near:
        closed = every.closed_at(now)
        return Wait(for_=_held_by(closed) or OPENING, until=min(near, now + LOOK_AGAIN))
    if promotion.window_opens != opens:
        world.note("window.near", {
            "opens": opens.isoformat(), "closes": span.end.isoformat(), "attended": attended,
            "people": [promotion.requested_by, *promotion.approvals],
        })
        return Wait(for_=OPENING, until=now)
    if now < opens:
        return Wait(for_=OPENING, until=min(opens, now + LOOK_AGAIN))
    if attended and not promotion.attended_by:
        last = EVER if span.end == EVER else span.end - schedule.needs(world.ports, promotion)
        return Wait(for_=SOMEBODY, until=min(last + timedelta(microseconds=1), now + LOOK_AGAIN))
    return _turn(promotion, world) or Next(said="the deploy window is open")


def _is_planned(promotion: Promotion, span: Span, now: datetime) -> bool:
    """Whether it waits for this very opening. One that came sooner than planned is another."""
    planned = promotion.planned
    return planned is not None and (planned == span.start or span.start <= planned <= now < span.end)


def _plan(promotion: Promotion, span: Span, every: Calendar, world: World) -> None:
    """Journal the opening that it waits for, and let the team know of it."""
    now = world.ports.clock.now()
    world.note("window.planned", {
        "opens": max(span.start, now).isoformat(), "closes": span.end.isoformat(),
        "why": _why(promotion, span, world, every, now),
    })
    _announce(promotion.plan.project, span, every, world)


def _announce(project: str, span: Span, every: Calendar, world: World) -> None:
    """A window of the policy's gets a card and reminders once something waits for it."""
    ports = world.ports
    known = {window.span.start for window in schedule.announced(ports, project)}
    if every.always_open or span.start in known or span not in every.openings(span.start, span.end):
        return
    place = f"{project}:{span.start.isoformat()}:{span.end.isoformat()}"
    before = str((ports.shelves.get(OCCURRENCES, place) or {}).get("record", ""))
    data: dict[str, Json] = {
        "opens": span.start.isoformat(), "closes": span.end.isoformat(), "reason": "", "recurring": True,
    }
    begins = schedule.opening("window", project)
    # Two walks at the same moment see the same record before theirs, so that one of them writes nothing.
    opened = ports.journal.open(lambda take: (
        [Fact(about=(record := take("W")), kind="window.announced", actor=SYSTEM, data=data, opens=begins)],
        [Put(shelf=OCCURRENCES, key=place, doc={"record": record})],
    ), key=f"window:{place}:{before}")
    if opened:
        ports.wake(opened[0].about)


def _why(promotion: Promotion, span: Span, world: World, every: Calendar, now: datetime) -> str:
    """Why it is another opening than before, or than the one of now."""
    if promotion.scheduled and promotion.scheduled.end > now and promotion.planned != promotion.scheduled.start:
        return ""
    if closed := every.closed_at(now):
        return f"{closed.name} stands now: {closed.why}"
    before = promotion.planned
    if before and before <= now and world.policy.deploy.attended and not promotion.attended_by:
        return "nobody was there"
    short = every.following(now)
    if short and short.start <= now < span.start:
        return f"{_takes(promotion, world)}, which is more than is left of this one"
    return "the window it waited for has changed" if before else ""


def _turn(promotion: Promotion, world: World) -> Wait | None:
    """One promotion a project at a time: the others that could start now go first in the order of the line."""
    ports, now = world.ports, world.ports.clock.now()
    if rollback := _rollback(promotion.plan.project, world):
        return Wait(for_=f"its turn: {rollback} goes first", until=now + SETTLE)
    if first := goes_first(promotion.plan, ports):
        return Wait(for_=f"its turn: it follows {first}", until=now + SETTLE)
    before = schedule.ahead(schedule.in_line(ports, promotion.plan.project), promotion.id)
    going = [each for each in before if each.running or _could_start(each, world, now)]
    if not going:
        return None
    return Wait(for_=f"its turn: {schedule.place_in_line(len(going) + 1, going[-1].record.id)}", until=now + SETTLE)


def _rollback(project: str, world: World) -> str:
    """A rollback that was asked for and is not in production yet: nothing new goes in before it."""
    live = world.ports.journal.find(kind="rollback", project=project, status=Status.LIVE)
    return next((record.id for record in live if record.stage not in ("staging", "file", "review", "done")), "")


def _could_start(waiting: schedule.Waiting, world: World, now: datetime) -> bool:
    """Whether one before us in line would start now: it does not hold up the others for want of a person."""
    p = waiting.promotion
    if p.cancelled_by or p.rejected:
        return False
    if p.emergency:
        return True
    every = schedule.calendar(world.ports, p.plan.project, p.id)
    if p.run_now and p.run_now.given_by:
        return every.closed_at(now) is None
    span = schedule.place(world.ports, p, every, now)
    if span is None or span.start > now or every.closed_at(now):
        return False
    return not p.waited or not world.policy.deploy.attended or bool(p.attended_by)


def _no_longer_given(promotion: Promotion, world: World) -> str:
    assert promotion.run_now is not None
    if promotion.run_now.given_by == promotion.requested_by:
        return "asked for it"
    return void(promotion.run_now.given_by, requesters(promotion, world.policy), world)


def _held_by(closed: Closure | None) -> str:
    if closed is None:
        return ""
    return f"{closed.name} to be lifted: {closed.why}" if closed.lifts else f"{closed.name} to pass, {closed.why}"


def _takes(promotion: Promotion, world: World) -> str:
    minutes = schedule.needs(world.ports, promotion).total_seconds() / 60
    return f"it needs about {max(1, round(minutes))} min"


"""The runbook of an announced window: reminders before it, its opening and its closing, each told once."""

from __future__ import annotations

from bot.domain.record import Status
from bot.domain.window import REMINDERS, Announced
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.walker import Runbook
from bot.windows import schedule
from bot.windows.calendar import BEFORE
from bot.world import World

TO_OPEN, TO_CLOSE = "its opening", "its closing"


def announced(window: Announced, world: World) -> Outcome:
    """Remind at the named times. What was missed while nobody ran is told late, and several as one."""
    if window.cancelled_by:
        return _cancelled(window, world)
    now, opens = world.ports.clock.now(), window.span.start
    if now >= window.span.end:
        return Stop(verdict="missed", why="Stagedoor did not run while it was open")
    every = schedule.calendar(world.ports, world.record.project)
    if window.recurring and window.span not in every.openings(now - BEFORE, window.span.end):
        return Stop(verdict="changed", why="a freeze or the policy changed it")
    if now >= opens:
        closed = every.closed_at(now)
        return Next(said=f"{closed.name} stands: {closed.why}" if closed else "")
    times = {name: opens - before for name, before in REMINDERS.items() if window.at < opens - before}
    due = [name for name, at in times.items() if at <= now and name not in window.reminded]
    if due:
        world.note("window.reminded", {"which": [*due], "late": (now - times[due[-1]]).total_seconds()})
    ahead = [at for at in times.values() if at > now]
    return Wait(for_=TO_OPEN, until=min(ahead, default=opens))


def opened(window: Announced, world: World) -> Outcome:
    """Let in what waits, and close. What is being applied then goes on to its end."""
    if window.cancelled_by:
        return _cancelled(window, world)
    wake_line(world)
    if world.ports.clock.now() >= window.span.end:
        return Stop(verdict="closed")
    return Wait(for_=TO_CLOSE, until=window.span.end)


def _cancelled(window: Announced, world: World) -> Outcome:
    return Stop(verdict="cancelled", by=window.cancelled_by)


def wake_line(world: World) -> None:
    """Let the promotions that wait look at the calendar again."""
    for record in world.ports.journal.find(kind="promotion", status=Status.LIVE):
        if record.stage == "window":
            world.ports.wake(record.id)


RUNBOOK = Runbook(stages=(announced, opened), leave=wake_line, fold=Announced.of)

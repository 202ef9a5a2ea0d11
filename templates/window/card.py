"""A deploy window and a freeze in #deploys: their cards at each moment, and the lines of their threads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.entry import Entry
from bot.domain.record import Record, Status
from bot.domain.window import LATE, REMINDERS, Announced, Closure, Freeze, Queued, Span
from templates.blocks import (
    Block,
    Mark,
    Message,
    bold,
    clock,
    code,
    context,
    line,
    lines,
    mention,
    notice,
    section,
    when,
)
from templates.words import length, named, of_project, who

DAY = timedelta(days=1)
ONWARD = "What was queued waits for the next one."


def window_card(record: Record, window: Announced, queue: Sequence[Queued], closed: Closure | None) -> Message:
    """The one message of a window: when, why, who, and what goes in."""
    title = line("Deploy window ", span(window.span), of_project(record.project))
    state = _window_state(record, window, closed)
    by = (
        "One of the policy's windows" if window.recurring
        else line("Announced by ", mention(window.by), f": {window.reason}" if window.reason else "")
    )
    blocks: list[Block] = [section(bold(title)), section(lines(state, by))]
    told = [state, Mark(by)]
    if record.status is Status.LIVE:
        waiting = queue_lines(queue)
        blocks.append(section(lines(*waiting)))
        told += waiting
    blocks.append(context(line(f"{record.id} · {utc(window.span)}")))
    return Message(lines(title, *told), tuple(blocks))


def _window_state(record: Record, window: Announced, closed: Closure | None) -> Mark:
    match window.ended or ("cancelled" if window.cancelled_by else record.stage):
        case "cancelled":
            return line("Cancelled", *((" by ", mention(window.cancelled_by)) if window.cancelled_by else ()))
        case "closed":
            return line("Closed")
        case "missed":
            return line("Over: Stagedoor did not run while it was open, and nothing went in")
        case "changed":
            return line("Withdrawn: a freeze or the policy changed it")
        case "opened":
            opens = line("Open until ", when(window.span.end))
        case _:
            opens = line("Opens ", when(window.span.start))
    return line(opens, f". Nothing starts: {closed.name} stands, {closed.why}") if closed else opens


def queue_lines(queue: Sequence[Queued]) -> list[Mark]:
    """What waits for a window, in its order, how long it may take, and what users may notice."""
    if not queue:
        return [line("Nothing is queued.")]
    rows = [_queued(each) for each in queue]
    known = [each.likely for each in queue if each.likely is not None]
    more = "" if len(known) == len(queue) else f", and {len(queue) - len(known)} that staging did not time"
    total = f"In all likelihood {length(sum(known, timedelta()))}{more}." if known else "Staging timed none of it."
    risks = [risk for each in queue for risk in each.risks]
    notice = (
        f"Users may notice: {'; '.join(risks)}." if risks
        else "Users may notice short waits while a table is locked, and nothing else as far as the SQL tells."
    )
    return [line(bold("Queued")), *rows, line(total), line(notice)]


def _queued(each: Queued) -> Mark:
    took = "not timed on staging" if each.likely is None else f"{length(each.likely)} on staging"
    return line(f"{each.id} {each.place} · {', '.join(each.files)} · {took} · asked by ", mention(each.by))


def window_line(window: Announced, entry: Entry, queue: Sequence[Queued]) -> Message | None:
    """What the thread of a window says about an entry."""
    match entry.kind:
        case "window.reminded":
            text = _reminder(window, entry, queue)
        case "walk.moved":
            held = line(f". Nothing starts: {entry.data['said']}") if entry.data["said"] else Mark("")
            text = line(*_people(queue), "The deploy window is open until ", when(window.span.end),
                        _late(entry.at - window.span.start), held)
        case "walk.ended" if entry.data["verdict"] == "closed":
            text = line("The deploy window is closed", _late(entry.at - window.span.end), _left(queue))
        case "walk.ended" if entry.data["verdict"] == "cancelled":
            text = line(*_people(queue), "Cancelled by ", mention(entry.actor), f". {ONWARD}")
        case "walk.ended" if entry.data["verdict"] == "missed":
            text = line(*_people(queue), f"This window passed while Stagedoor did not run. {ONWARD}")
        case "walk.ended":
            text = line(f"This window is withdrawn: {entry.data['why']}.")
        case _:
            return None
    return notice(text)


def _reminder(window: Announced, entry: Entry, queue: Sequence[Queued]) -> Mark:
    which = entry.data["which"]
    named = str(which[-1]) if isinstance(which, list) and which else ""
    late = entry.data.get("late")
    passed = timedelta(seconds=late if isinstance(late, int | float) else 0)
    ahead = REMINDERS.get(named, timedelta()) - passed
    opens = line(f"The deploy window opens in {length(ahead)}, ", when(window.span.start), _late(passed), ". ")
    return line(*_people(queue), opens, _queue_said(queue))


def _queue_said(queue: Sequence[Queued]) -> str:
    return f"Queued: {', '.join(each.id for each in queue)}." if queue else "Nothing is queued."


def _left(queue: Sequence[Queued]) -> str:
    running = [each.id for each in queue if each.running]
    waiting = [each.id for each in queue if not each.running]
    still = f". {', '.join(running)} goes on to its end" if running else ""
    return still + (f". {', '.join(waiting)} waits for the next one." if waiting else ".")


def _people(queue: Sequence[Queued]) -> list[str]:
    return [named(each.by for each in queue), " "] if queue else []


def freeze_card(record: Record, freeze: Freeze) -> Message:
    """The one message of a freeze."""
    id = freeze.echoes or record.id
    what = " · everything" if freeze.everything else of_project(record.project)
    title = line("Promotions are frozen" if record.status is Status.LIVE else "A freeze is over", what)
    until = line("until ", when(freeze.until)) if freeze.until else line("until an approver lifts it")
    if freeze.lifted:
        state = line("Lifted by ", who(freeze.lifted[0]), f": {freeze.lifted[1]}")
    elif freeze.ended:
        state = line("Over since ", when(freeze.until)) if freeze.until else line("Over")
    else:
        state = line(f"{freeze.reason} · ", until)
    reason = freeze.reason if freeze.lifted or freeze.ended else ""
    by = (
        line(f"Set with {reason or freeze.incident}") if freeze.incident
        else line("Asked by ", mention(freeze.by), f": {reason}" if reason else "")
    )
    way = line("An approver lifts it: ", code(f"/deploy unfreeze {id} REASON"))
    parts = [state, by, *([way] if record.status is Status.LIVE else [])]
    small = context(line(f"{id} · since ", when(freeze.at)))
    return Message(lines(title, *parts), (section(bold(title)), section(lines(*parts)), small))


def freeze_line(freeze: Freeze, entry: Entry) -> Message | None:
    """What the thread of a freeze says about an entry."""
    if entry.kind != "walk.ended":
        return None
    if entry.data["verdict"] == "lifted":
        return notice(line("Lifted by ", who(entry.actor), f": {entry.data['why']}. What waited goes on."))
    late = _late(entry.at - freeze.until) if freeze.until else Mark("")
    return notice(line("The freeze is over", late, ". What waited goes on."))


def span(of: Span) -> Mark:
    """From when until when, in the reader's zone."""
    return line(when(of.start), " to ", clock(of.end) if of.end - of.start < DAY else when(of.end))


def _late(by: timedelta) -> Mark:
    """` (late by 3 min)` for what is told a while after its time."""
    return line(f" (late by {length(by)})") if by >= LATE else Mark("")


def utc(of: Span) -> str:
    ends = f"{of.end:%H:%M}" if of.start.date() == of.end.date() else f"{of.end:%Y-%m-%d %H:%M}"
    return f"{of.start:%Y-%m-%d %H:%M} to {ends} UTC"

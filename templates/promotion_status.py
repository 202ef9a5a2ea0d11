"""Where a promotion stands, in the one or two sentences under the title of its card."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.checklist import State
from bot.domain.promotion import Promotion
from templates.backup import backing_up
from templates.blocks import Mark, code, line, lines, mention, speech, when
from templates.promotion_course import lock_line, running, stopped
from templates.promotion_sight import Sight, of_project


def title(sight: Sight) -> str:
    p, ending = sight.promotion, sight.promotion.ending
    count = len(p.plan.files)
    what = f"{count} migration{'s' if count != 1 else ''}"
    aim = f"Promote {what} to production" if p.kind == "promotion" else f"Stage {what}"
    if not p.course.stopped and (ending is None or ending.verdict == "done"):
        return f"{aim}{of_project(p.plan.project)}"
    if p.may_have_changed:
        return f"Stopped: look at {p.where}, it may have changed{of_project(p.plan.project)}"
    if not p.changed_something:
        return f"Stopped: {p.where} is unchanged{of_project(p.plan.project)}"
    if p.remaining:
        return f"Stopped after {len(p.committed)} of {count}: {p.where} has changed{of_project(p.plan.project)}"
    return f"In {p.where}, but not verified{of_project(p.plan.project)}"


def status(sight: Sight) -> Mark:
    p, record = sight.promotion, sight.record
    if p.ending is not None:
        return _ended(sight)
    asked = line(" · asked by ", mention(p.requested_by))
    if p.course.stopped:
        return lines(_halfway(sight), stopped(p), _people(p))
    match record.stage:
        case "gates":
            return line(_held(p) if record.waits_for else "Checking the gates", asked)
        case "approval":
            return line(_approval(sight), asked)
        case "window":
            return line(_window(sight), asked)
        case "backup":
            return line(backing_up(sight), asked)
        case "apply":
            return _applying(sight)
        case "verify":
            return line((record.waits_for and f"Waiting for {record.waits_for}") or f"In {p.where}. Verifying", asked)
        case "watch":
            return _watching(sight)
        case _:
            return line(f"At “{record.stage}”", f", waiting for {record.waits_for}" if record.waits_for else "", asked)


def _held(p: Promotion) -> str:
    titles = [check.title for check in p.checklist if not check.manual and check.state is not State.PASSED]
    return f"Held by {len(titles)} gate{'s' if len(titles) != 1 else ''}: {', '.join(titles)}" if titles else "Held"


def _approval(sight: Sight) -> Mark:
    p = sight.promotion
    if len(p.approvals) < sight.required:
        ticks = sum(1 for check in p.checklist if check.manual and check.state is not State.PASSED)
        also = f" · {ticks} line{'s' if ticks != 1 else ''} below to confirm" if ticks else ""
        return line(f"Waiting for approval, {len(p.approvals)} of {sight.required}{also}")
    return line(f"Approved, {len(p.approvals)} of {sight.required}. Still needed: {_missing(p)}")


def _window(sight: Sight) -> Mark:
    p, record = sight.promotion, sight.record
    waits, turn = record.waits_for, f" · {sight.turn}" if sight.turn else ""
    if waits.startswith("somebody"):
        return line("The deploy window is open. Waiting for somebody who is there", turn)
    if waits and not waits.startswith("the deploy window"):
        return line(f"Approved. Waiting for {waits}", turn if not waits.startswith("its turn") else "", _then(p, waits))
    if p.attended_by:
        return line("Approved. Waiting for the deploy window; ", mention(p.attended_by), " will be there", turn)
    return line("Approved. Waiting for the deploy window", *((", ", when(p.planned)) if p.planned else ()), turn)


def _then(p: Promotion, waits: str) -> Mark:
    """The opening that follows what it waits for."""
    return line(" · then in the window ", when(p.planned)) if p.planned and "its turn" not in waits else Mark("")


def _missing(p: Promotion) -> str:
    return (
        ", ".join(check.title for check in p.checklist if check.state is not State.PASSED)
        or "the gates, being checked again"
    )


def _applying(sight: Sight) -> Mark:
    p, record, progress = sight.promotion, sight.record, sight.progress
    number = min(len(p.committed) + 1, len(p.plan.files))
    if p.failure is not None:
        nothing = " Nothing of it is in." if p.failure.clean else ""
        return lines(f"Waiting to try {number} of {len(p.plan.files)} again.{nothing}", _failure(p))
    if record.waits_for:
        return line(f"Waiting for {record.waits_for}")
    if not p.began:
        return line("Approved. About to apply")
    return line(f"Applying {number} of {len(p.plan.files)} to {p.where}", running(progress, number))


def _halfway(sight: Sight) -> Mark:
    """Where a promotion that stopped stands with what is in."""
    record = sight.record
    match record.stage:
        case "verify":
            return line((record.waits_for and f"Waiting for {record.waits_for}") or "Verifying what is in")
        case "watch":
            return line("Watching what is in", _watched(sight.promotion))
        case _:
            return Mark("")


def _watching(sight: Sight) -> Mark:
    p = sight.promotion
    since = max(file.at for file in p.committed.values())
    until = line(" · watching until ", when(p.watch_until)) if p.watch_until else ""
    return line("In production since ", when(since), until, _watched(p))


def _ended(sight: Sight) -> Mark:
    p, ending = sight.promotion, sight.promotion.ending
    assert ending is not None
    match ending.verdict:
        case "done":
            return _done(sight)
        case "failed":
            return _failed(p)
        case "unverified":
            every = f"Of {len(p.plan.files)} files {len(p.committed)}" if p.remaining else "All files"
            return lines(
                line(f"{every} are in {p.where}, but what is there now is not as expected: ", ending.why, "."),
                "Look at it now; undo it with a new migration if it must go.",
            )
        case "rejected":
            return line(
                "Rejected by ",
                mention(ending.by),
                f": {ending.why}" if ending.why else "",
                ". Asked by ",
                mention(p.requested_by),
            )
        case "refused" if titles := [check.title for check in p.checklist if check.state is State.REFUSED]:
            gates = f"{len(titles)} gate{'s' if len(titles) != 1 else ''}"
            return line(f"Refused by {gates}: {', '.join(titles)}. Asked by ", mention(p.requested_by))
        case "cancelled":
            return line("Cancelled by ", mention(ending.by), ". Asked by ", mention(p.requested_by))
        case "expired":
            return line(f"Expired: {ending.why}. Ask again with ", code("/migrate promote"), ".")
        case _:
            return speech(ending.why)


def _done(sight: Sight) -> Mark:
    p = sight.promotion
    since = max(file.at for file in p.committed.values())
    took = timedelta(seconds=sum(file.seconds for file in p.committed.values()))
    unseen = ", ".join(label for label in sight.after if label not in p.ticks) if p.watch_until else ""
    return lines(
        line(f"Done · in {p.where} since ", when(since), f" · took {_span(took)}", lock_line(p), _watched(p)),
        f"Nobody confirmed: {unseen}" if unseen else "",
        _people(p),
    )


def _watched(p: Promotion) -> str:
    """What the watch saw; without health addresses nothing but people looked, and that is said."""
    if p.watch_until is None:
        return ""
    look = "look" if p.ending is None else "looked"
    return f" · {p.watched}" if p.watched else f" · only people {look}: the policy names no health addresses"


def _people(p: Promotion) -> Mark:
    return line("Asked by ", mention(p.requested_by), *_approved_by(p))


def _approved_by(p: Promotion) -> tuple[str, ...]:
    parts: list[str] = []
    for position, voter in enumerate(p.approvals):
        parts += [", approved by " if position == 0 else " and ", mention(voter)]
    return tuple(parts)


def _failed(p: Promotion) -> Mark:
    return lines(stopped(p), _people(p))


def _failure(p: Promotion) -> Mark:
    return line(p.failure.why) if p.failure else Mark("")


def _span(took: timedelta) -> str:
    seconds = took.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

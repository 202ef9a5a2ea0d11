"""Where a promotion stands, in the one or two sentences under the title of its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from bot.domain.checklist import State
from bot.domain.promotion import Promotion
from templates.blocks import Mark, code, line, lines, mention, speech, when
from templates.promotion.backup import backing_up
from templates.promotion.course import beside_staging, running, stopped
from templates.promotion.sight import Sight
from templates.promotion.watching import alarm_title, watched, watching
from templates.promotion.way_back import rollback_of
from templates.words import of_project


def title(sight: Sight) -> str:
    p, ending = sight.promotion, sight.promotion.ending
    count = len(p.plan.files)
    what = f"{count} migration{'s' if count != 1 else ''}"
    aim = f"Promote {what} to production" if p.kind == "promotion" else f"Stage {what}"
    aim = f"Emergency: {aim[0].lower()}{aim[1:]}" if p.emergency else aim
    if p.taken_back and p.taken_back.done:
        return f"{aim}: rolled back{of_project(p.plan.project)}"
    if not p.course.stopped and (alarm := alarm_title(sight)) and (ending is None or ending.verdict == "done"):
        return alarm
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
    p = sight.promotion
    if p.emergency and p.ending is None and sight.record.stage == "done":
        return _done(sight)
    if back := rollback_of(p):
        return lines(back, _people(p)) if p.taken_back and p.taken_back.done else lines(back, _status(sight))
    return _status(sight)


def _status(sight: Sight) -> Mark:
    p, record = sight.promotion, sight.record
    if p.ending is not None:
        return _ended(sight)
    asked = line(" · asked by ", mention(p.requested_by))
    if p.course.stopped:
        return lines(_halfway(sight), stopped(p), _people(p))
    if before := _BEFORE.get(record.stage):
        return line(before(sight), asked)
    match record.stage:
        case "apply":
            return _applying(sight)
        case "verify":
            return line((record.waits_for and f"Waiting for {record.waits_for}") or f"In {p.where}. Verifying", asked)
        case "watch":
            return watching(sight)
        case "proof":
            return line("Trying the way back", f", waiting for {record.waits_for}" if record.waits_for else "", asked)
        case _:
            return line(f"At “{record.stage}”", f", waiting for {record.waits_for}" if record.waits_for else "", asked)


def _gates(sight: Sight) -> str:
    return _held(sight.promotion) if sight.record.waits_for else "Checking the gates"


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
            return line("Watching what is in", watched(sight.promotion))
        case _:
            return Mark("")


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
                "Look at it now; Roll back takes it out if it must go.",
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
        line(f"Done · in {p.where} since ", when(since), f" · took {_span(took)}", beside_staging(p), watched(p)),
        f"Nobody confirmed: {unseen}" if unseen else "",
        _people(p),
    )


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


_BEFORE: Mapping[str, Callable[[Sight], Mark | str]] = {
    "gates": _gates, "approval": _approval, "window": _window, "backup": backing_up,
}

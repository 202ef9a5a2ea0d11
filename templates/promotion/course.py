"""How an apply goes and went, in words: what runs now and who is in its way, what is in and what is not, `Resume`."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.resumable import is_lock, why_not
from bot.domain.values import texts
from templates.blocks import Block, Mark, button, code, confirm, line, lines, mention, when
from templates.promotion.sight import Sight

RESUME = "promotion.resume"
_FEW = 3


def running(progress: Mapping[str, Json], number: int) -> Mark:
    """` · statement 3 of 5 · for 2 min 10 s · building index: scanning table, 45 %`, and who holds it up."""
    if progress.get("file") != number or "statement" not in progress:
        return Mark("")
    seconds, doing = progress.get("seconds"), progress.get("doing")
    lasts = f" · for {_clock(seconds)}" if isinstance(seconds, int) and seconds else ""
    text = f" · statement {progress['statement']} of {progress['of']}{lasts}{f' · {doing}' if doing else ''}"
    blockers = texts(progress.get("blockers"))
    if not blockers:
        return line(text)
    more = f" and {len(blockers) - _FEW} more" if len(blockers) > _FEW else ""
    return lines(line(text), line(f"Held up by {'; '.join(blockers[:_FEW])}{more}"))


def resume_button(sight: Sight) -> list[Block]:
    """`Resume`, while there is a rest to go on with."""
    p = sight.promotion
    if p.kind == "baseline" or why_not(p):
        return []
    count = len(p.remaining)
    sure = confirm(
        "Resume it?",
        f"{count} file{'s' if count != 1 else ''} go on to {p.where}: {', '.join(file.label for file in p.remaining)}. "
        "What was approved holds while their bytes and the head are as they were; otherwise approval is asked anew.",
        "Resume", "Back",
    )
    return [button("Resume", RESUME, sight.record.id, style="primary", confirm=sure)]


def stopped(p: Promotion) -> Mark:
    """What is in, how far that was looked at, what is not in, why, and the way on."""
    done = ", ".join(file.label for file in p.plan.files if file.version in p.committed)
    seen = (line(" (", "verified" if p.verified else "not verified yet", *_watched(p), ")"),) if done else ()
    balance = line(f"In: {done}", *seen, f". Not in: {', '.join(file.label for file in p.remaining)}.") if done else ""
    return lines(balance or Mark(""), line(p.failure.why) if p.failure else Mark(""), _onward(p))


def _watched(p: Promotion) -> tuple[Mark, ...]:
    if p.watch_until is None:
        return ()
    return (line(", watched until ", when(p.watch_until)),)


def _onward(p: Promotion) -> Mark:
    """What to do about a file that did not go in; staging has the version already when production refuses it."""
    if p.taken_back and not p.taken_back.ended:
        return Mark("")
    if p.course.resumed_as:
        return line(f"{p.course.resumed_as} took over what is not in.")
    if p.failure is None:
        return Mark("")
    resumable = not why_not(p)
    if is_lock(p) and resumable:
        return line("Next: let whoever held the lock end, then press Resume. What was approved holds.")
    if p.kind == "staging":
        then = (", then press Resume.",) if resumable else (", then ", code("/migrate stage"), " for what is not in.")
        return line("Next: mend the cause", *then)
    ask: tuple[str, ...] = (" Then press Resume.",) if resumable else (
        " Then ", code("/migrate promote"), " for what is not in.",
    )
    return line(
        "Next: mend the cause, in production or in the file; an edited file goes to staging again with ",
        code(f"/migrate restage {p.failure.version}"), ".", *ask,
        " Or Roll back takes out what is in." if p.changed_something else "",
    )


def origin(p: Promotion) -> Mark | None:
    """Of a promotion that brings the rest of another: whose it is, and whether its approvals hold."""
    course = p.course
    if not course.resumes:
        return None
    held = f"approval is asked anew: {course.asks}" if course.asks else "what was approved then holds"
    return line(f"Goes on with the rest of {course.resumes}, resumed by ", mention(course.by), f"; {held}.")


def beside_staging(p: Promotion) -> str:
    """` (41 ms on staging) · lock on books foretold 41 ms, was 52 ms`."""
    lock, took = p.course.lock, p.course.staging
    seconds = f" ({_span(took)} on staging)" if took else ""
    if lock is None:
        return seconds
    table = lock.table.removeprefix("public.")
    return f"{seconds} · lock on {table} foretold {_span(lock.foretold)}, was {_span(lock.was)}"


def told_stopped(p: Promotion, e: Entry) -> Mark:
    balance = f"{len(p.committed)} of {len(p.plan.files)} {'is' if len(p.committed) == 1 else 'are'} in"
    return line(
        mention(p.requested_by), f": {p.id} stopped and {p.where} has changed: {balance}. "
        "What is in is verified and watched now. The card says what failed and what to do next.",
    )


def told_resumed(p: Promotion, e: Entry) -> Mark:
    return line("Resumed by ", mention(e.actor), f": {e.data['as']} takes over what is not in.")


def told_alone(p: Promotion, e: Entry) -> Mark | None:
    said = str(e.data.get("said", ""))
    return line(f"{e.data['version']}: {said}") if said else None


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _span(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))} ms" if seconds < 1 else f"{seconds:.1f} s"

"""A promotion in Slack: its card at each moment, its thread lines, and the modal with its SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.checklist import Check, State, automatic_passed
from bot.domain.entry import Json
from bot.domain.plan import PlannedFile
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from templates.blocks import (
    Block,
    Mark,
    Message,
    actions,
    bold,
    button,
    code,
    confirm,
    context,
    line,
    lines,
    mention,
    modal,
    preformatted,
    rich,
    section,
    speech,
    when,
)
from templates.rollback import card_lines, rollback_button
from templates.timing import RUN_NOW, SCHEDULE, run_now_mark
from templates.waiver import waive_button

APPROVE, REJECT, CANCEL = "promotion.approve", "promotion.reject", "promotion.cancel"
VIEW_SQL, CONFIRM, I_AM_HERE = "promotion.sql", "promotion.confirm", "promotion.here"

ONLY_PROJECT = "default"
"""The name of the project that the variables without a prefix describe."""

MARKS = {State.PASSED: "✓", State.WAITING: "◻", State.REFUSED: "✗", State.UNKNOWN: "?"}
SQL_IN_A_MODAL = 12_000
"""Characters of SQL that a modal shows; what is longer is a file in the thread."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a promotion's card is drawn from."""

    record: Record
    promotion: Promotion
    required: int = 1
    approvers: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    progress: Mapping[str, Json] = field(default_factory=dict)
    turn: str = ""
    """Its place in the line of those that wait, where others are before it."""
    schedulable: bool = False
    head_hash: str = ""


def card(sight: Sight) -> Message:
    """The one message of a promotion, as it is now."""
    p = sight.promotion
    title, status = _title(sight), _status(sight)
    blocks: list[Block] = [section(bold(title)), section(status), rich(*_files(p))]
    if mark := run_now_mark(p.run_now):
        blocks.append(section(mark))
    if p.plan.risks and p.kind == "promotion":
        blocks.append(section(line(f"Destroys data or opens access: {'; '.join(p.plan.risks)}.")))
    if p.kind == "promotion":
        blocks.extend(card_lines(p))
    if sight.record.status is Status.LIVE or not p.changed_something:
        blocks.extend(_checklist(sight))
    if sight.record.stage == "watch" and sight.record.status is Status.LIVE:
        blocks.extend(_after(sight))
    if buttons := _buttons(sight):
        blocks.append(actions(*buttons))
    blocks.append(context(_small_print(sight)))
    return Message(lines(title, status), tuple(blocks))


def _title(sight: Sight) -> str:
    p, ending = sight.promotion, sight.promotion.ending
    count = len(p.plan.files)
    what = f"{count} migration{'s' if count != 1 else ''}"
    aim = f"Promote {what} to production" if p.kind == "promotion" else f"Stage {what}"
    if ending is None or ending.verdict == "done":
        return f"{aim}{of_project(p.plan.project)}"
    if p.may_have_changed:
        return f"Stopped: look at {p.where}, it may have changed{of_project(p.plan.project)}"
    if not p.changed_something:
        return f"Stopped: {p.where} is unchanged{of_project(p.plan.project)}"
    if p.remaining:
        return f"Stopped after {len(p.committed)} of {count}: {p.where} has changed{of_project(p.plan.project)}"
    return f"In {p.where}, but not verified{of_project(p.plan.project)}"


def of_project(name: str) -> str:
    """` · shop` where there are several projects to tell apart; nothing for the only one."""
    return "" if name == ONLY_PROJECT else f" · {name}"


def _status(sight: Sight) -> Mark:
    p, record = sight.promotion, sight.record
    if p.ending is not None:
        return _ended(sight)
    asked = line(" · asked by ", mention(p.requested_by))
    match record.stage:
        case "gates":
            return line(_held(p) if record.waits_for else "Checking the gates", asked)
        case "approval":
            return line(_approval(sight), asked)
        case "window":
            return line(_window(sight), asked)
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
        return lines(f"Waiting to try {number} of {len(p.plan.files)} again. Nothing of it is in.", _failure(p))
    if record.waits_for:
        return line(f"Waiting for {record.waits_for}")
    if not p.began:
        return line("Approved. About to apply")
    text = f"Applying {number} of {len(p.plan.files)} to {p.where}"
    if progress.get("file") == number and "statement" in progress:
        text += f" · statement {progress['statement']} of {progress['of']}"
    return line(text)


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
            return lines(
                line(f"All files are in {p.where}, but what is there now is not as expected: ", ending.why, "."),
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
        line(f"Done · in {p.where} since ", when(since), f" · took {_span(took)}", _watched(p)),
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
    done = ", ".join(file.label for file in p.plan.files if file.version in p.committed)
    open_ = ", ".join(file.label for file in p.remaining)
    balance = line(f"In: {done}. Not in: {open_}.") if done else Mark("")
    return lines(balance, _failure(p), _onward(p), _people(p))


def _onward(p: Promotion) -> Mark:
    """What to do about a file that did not go in; staging has the version already when production refuses it."""
    if p.kind == "staging" or p.failure is None:
        return line("Next: mend the cause, then ", code("/migrate stage"), " for what is not in.")
    return line(
        "Next: mend the cause, in production or in the file; an edited file goes to staging again with ",
        code(f"/migrate restage {p.failure.version}"), ". Then ", code("/migrate promote"), " for what is not in.",
    )


def _failure(p: Promotion) -> Mark:
    return line(p.failure.why) if p.failure else Mark("")


def _files(p: Promotion) -> tuple[str, ...]:
    parts: list[str] = []
    for file in p.plan.files:
        state = "✓ in  " if file.version in p.committed else ""
        parts += [
            state,
            bold(file.label),
            f"  {file.purpose}" if file.purpose else "",
            f"  ({_statements(file)})",
            "\n",
        ]
    return tuple(parts[:-1])


def _statements(file: PlannedFile) -> str:
    return (
        f"{file.statements} statement{'s' if file.statements != 1 else ''}"
        if file.statements
        else "cannot run as it is"
    )


def _checklist(sight: Sight) -> list[Block]:
    checks = sight.promotion.checklist
    open_ = sight.record.status is Status.LIVE and not sight.promotion.began
    waivable = {check.gate: button for check in checks if open_ and (button := waive_button(sight.record.id, check))}
    automatic = [_check(check) for check in checks if not check.manual and check.gate not in waivable]
    blocks = [section(lines(*automatic))] if automatic else []
    blocks += [section(_check(check), accessory=waivable[check.gate]) for check in checks if check.gate in waivable]
    return blocks + [_manual(sight, check) for check in checks if check.manual]


def _check(check: Check) -> Mark:
    word = f"{check.state}: " if check.state in (State.REFUSED, State.UNKNOWN) else ""
    by = line(", by ", mention(check.by)) if check.by else ""
    at = line(", ", when(check.at)) if check.at else ""
    as_of = line(" (GitHub does not answer; as of ", when(check.as_of), ")") if check.as_of else ""
    said = line(": ", word, speech(check.said)) if check.said else ""
    return line(f"{MARKS[check.state]} {check.title}", said, by, at, as_of)


def _manual(sight: Sight, check: Check) -> Block:
    open_ = check.state is not State.PASSED and sight.record.status is Status.LIVE and not sight.promotion.began
    tick = button("Confirm", CONFIRM, f"{sight.record.id}:{check.label}") if open_ else None
    return section(_check(check), accessory=tick)


def _after(sight: Sight) -> list[Block]:
    blocks: list[Block] = []
    for label in sight.after:
        given = sight.promotion.ticks.get(label)
        if given:
            blocks.append(section(line(f"✓ {label}, by ", mention(given.by), ", ", when(given.at))))
        else:
            tick = button("Confirm", CONFIRM, f"{sight.record.id}:{label}")
            blocks.append(section(line(f"◻ {label}: not confirmed yet"), accessory=tick))
    return blocks


def _buttons(sight: Sight) -> list[Block]:
    p, id = sight.promotion, sight.record.id
    buttons = [button("View SQL", VIEW_SQL, id), *rollback_button(p, id)]
    if sight.record.status is Status.ENDED or p.began:
        return buttons
    if sight.record.stage == "approval" and automatic_passed(p.checklist) and len(p.approvals) < sight.required:
        buttons.append(button("Approve", APPROVE, id, style="primary", confirm=_sure(p)))
    if sight.record.stage == "approval":
        buttons.append(
            button(
                "Reject",
                REJECT,
                id,
                confirm=confirm(
                    "Reject it?",
                    f"{id} ends here and production stays unchanged. Say why in its thread.",
                    "Reject",
                    "Back",
                ),
            )
        )
    if sight.schedulable and p.kind == "promotion" and sight.record.stage in ("approval", "window"):
        buttons.append(button("Schedule", SCHEDULE, id))
    if _may_run_now(sight):
        buttons.append(button("Run now", RUN_NOW, id))
    if sight.record.stage == "window" and p.window_opens is not None and not p.attended_by:
        buttons.append(button("I am here", I_AM_HERE, id, style="primary"))
    buttons.append(
        button(
            "Cancel",
            CANCEL,
            id,
            confirm=confirm(
                "Cancel it?",
                f"{id} ends here and {p.where} stays unchanged.",
                "Cancel it",
                "Back",
            ),
        )
    )
    return buttons


def _may_run_now(sight: Sight) -> bool:
    """While it waits for a window that is not open, and nobody let it through yet."""
    p, record = sight.promotion, sight.record
    waits = record.stage == "window" and record.waits_for.startswith("the deploy window")
    return waits and not (p.run_now and p.run_now.given_by)


def _sure(p: Promotion) -> Block:
    count = len(p.plan.files)
    return confirm(
        "Approve for production?",
        f"{count} file{'s' if count != 1 else ''}, exactly the bytes of plan {p.plan.digest[:6]}: "
        f"{', '.join(file.label for file in p.plan.files)}. They go in as soon as every gate passes.",
        "Approve",
        "Back",
    )


def _small_print(sight: Sight) -> Mark:
    p = sight.promotion
    head = p.expected_head
    place = f"{p.where} is at {head}" if head else f"{p.where} has no migrations"
    tail = f" · journal head {sight.head_hash[:12]}" if sight.head_hash else ""
    source = p.plan.source
    read = f"{source.label}{', a fork' if source.fork else ''} · " if source else ""
    return line(f"{sight.record.id} · plan {p.plan.digest[:6]} · {read}{place}{tail}")


def _span(took: timedelta) -> str:
    seconds = took.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def sql_modal(promotion: Promotion, files: list[tuple[str, str]]) -> Block:
    """The SQL of the plan, exactly as it would run."""
    shown = sum(len(sql) for _, sql in files)
    blocks: list[Block] = [
        section(
            line(
                f"{promotion.id} · plan {promotion.plan.digest[:6]} · an approval is for these bytes and no others."
            )
        )
    ]
    if shown > SQL_IN_A_MODAL:
        blocks.append(
            section(line("It is long: the whole of it is a file in the thread of the card; here is the beginning."))
        )
    room = SQL_IN_A_MODAL
    for filename, sql in files:
        blocks += [section(bold(filename)), preformatted(sql[:room] or "(nothing)")]
        room -= len(sql)
        if room <= 0:
            break
    return modal("SQL", blocks, "promotion.sql.read")


def long_sql(files: list[tuple[str, str]]) -> str:
    """The same SQL as one text for a file, or nothing when the modal shows it whole."""
    if sum(len(sql) for _, sql in files) <= SQL_IN_A_MODAL:
        return ""
    return "\n".join(f"-- {filename}\n{sql}" for filename, sql in files)

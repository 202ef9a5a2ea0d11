"""A rollback's card in Slack at each moment."""

from __future__ import annotations

from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.domain.rolling_back import How, Rolling, Severity
from templates.blocks import (
    Block,
    Mark,
    Message,
    actions,
    bold,
    button,
    confirm,
    context,
    line,
    lines,
    link,
    mention,
    section,
    speech,
    when,
)
from templates.promotion.backup import backing_up
from templates.promotion.buttons import VIEW_SQL
from templates.promotion.restore_button import restore_button
from templates.promotion.sight import Sight
from templates.promotion.way_back import rollback_data
from templates.rollback.modals import GLASS, REVIEWED, step_line
from templates.rollback.rows import rows_line, rows_short
from templates.words import of_project

APPROVE, REJECT, CANCEL = "rollback.approve", "rollback.reject", "rollback.cancel"
ADVICE = "A forward fix is advised for a minor fault: write a new migration, stage it, promote it."


def rollback_card(sight: Sight) -> Message:
    """The one message of a rollback, as it is now."""
    p, own = sight.promotion, _own(sight.promotion)
    title, status = _title(p, own), _status(sight)
    rows = Mark("") if p.committed else rows_line(own.counted)
    bad = "Minor" if own.severity is Severity.MINOR else "Major"
    blocks: list[Block] = [
        section(bold(title)), section(status),
        section(lines(
            line(f"{bad}. Reason: {own.reason}"),
            ADVICE if own.severity is Severity.MINOR and sight.record.status is Status.LIVE else "",
        )),
        section(lines(
            *(line(f"Takes back {step_line(step.label, step.source, step.schema)}.") for step in own.steps),
            rollback_data(p, own), rows, *(speech(said) for said in own.told),
        )),
    ]
    if words := _words(p, own):
        blocks.append(section(words))
    if seen := _seen(p, own):
        blocks.append(section(seen))
    if buttons := _buttons(sight):
        blocks.append(actions(*buttons))
    [file] = p.plan.files
    tail = f" · journal head {sight.head_hash[:12]}" if sight.head_hash else ""
    at = f"production is at {p.expected_head}" if p.expected_head else "production has no migrations"
    blocks.append(context(line(f"{p.id} · plan {p.plan.digest[:6]} · {file.label} · {at}{tail}")))
    told = (title, status, line(f"{bad}. Reason: {own.reason}"), rollback_data(p, own), rows, words, seen)
    return Message(lines(*told), tuple(blocks))


def _own(p: Promotion) -> Rolling:
    assert p.rolling is not None
    return p.rolling


def _title(p: Promotion, own: Rolling) -> str:
    where = of_project(p.plan.project)
    if p.ending is None and not own.review_asked:
        return f"Roll back {own.of} in production{where}"
    if _well(p, own):
        return f"{own.of} is rolled back{where}"
    if p.may_have_changed:
        return f"Rollback stopped: look at production, it may have changed{where}"
    if p.changed_something:
        return f"{own.of} is taken back, but production is not as it was before{where}"
    return f"{own.of} is still in production: its rollback stopped{where}"


def _status(sight: Sight) -> Mark:
    p, record, own = sight.promotion, sight.record, _own(sight.promotion)
    if p.ending is not None or own.review_asked:
        return _ended(p, own)
    asked = line(" · asked by ", mention(p.requested_by))
    match record.stage:
        case "approval":
            return line(_waiting(p, own), asked)
        case "backup":
            return line(backing_up(sight), asked)
        case "apply" if p.failure is not None:
            return lines("Waiting to try it again. Nothing of it is in.", speech(p.failure.why))
        case "apply" if record.waits_for:
            return line(f"Waiting for {record.waits_for}")
        case "apply":
            at = sight.progress
            step = f" · statement {at['statement']} of {at['of']}" if "statement" in at else ""
            return line(f"Rolling back now{step}")
        case "verify":
            return line((record.waits_for and f"Waiting for {record.waits_for}") or "Taken back. Verifying", asked)
        case "staging":
            return line("Taken back from production. Now staging likewise", asked)
        case "file":
            return line("Taken back from production. Its file comes next", asked)
        case _:
            return line((record.waits_for and f"Waiting for {record.waits_for}") or "Making the plan", asked)


def _waiting(p: Promotion, own: Rolling) -> Mark:
    if own.until is not None and own.pressable:
        return line("Waiting for an approver or somebody on call to press Approve: this very rollback was approved "
                    f"with {own.of}, until ", when(own.until))
    why = f" ({own.why_not})" if own.why_not else ""
    return line("Waiting for one approver other than ", mention(p.requested_by), why)


def _ended(p: Promotion, own: Rolling) -> Mark:
    by = line("Asked by ", mention(p.requested_by))
    if p.committed:
        row = max(p.committed.values(), key=lambda row: row.at)
        took = line("Done · " if _well(p, own) else "", "out of production since ", when(row.at),
                    f" · took {_span(row.seconds)}")
        wrong = line("Not as before: ", "; ".join(own.unlike), ". Look at production now.") if own.unlike else Mark("")
        return lines(took, wrong, by)
    ending = p.ending
    assert ending is not None
    match ending.verdict:
        case "cancelled":
            return line("Cancelled by ", mention(ending.by), ". Production is unchanged. ", by)
        case "rejected":
            return line("Rejected by ", mention(ending.by), ". Production is unchanged. ", by)
        case "failed" if p.may_have_changed:
            return lines(speech(ending.why), by)
        case "failed":
            return lines(
                line(f"Nothing of the rollback is in; all of {own.of} still is."), speech(ending.why),
                line("Next: mend what is named, then ", bold("Roll back"), f" again on the card of {own.of}."), by,
            )
        case "no backup":
            return lines(
                speech(ending.why), line(f"Production is unchanged; all of {own.of} is still in it."),
                line("Next: mend that, then ", bold("Roll back"), f" again on the card of {own.of}. "
                     "There is no way round it: what it destroys could not be brought back."), by,
            )
        case _:
            return lines(speech(ending.why), line(f"All of {own.of} is still in production. ", by))


def _words(p: Promotion, own: Rolling) -> Mark:
    said = []
    for word in own.words:
        match word.how:
            case How.PRESSED:
                said.append(line("Pressed by ", mention(word.by), f": this very rollback was approved with {own.of}"))
            case How.APPROVED:
                said.append(line("Approved by ", mention(word.by)))
            case How.GLASS:
                said.append(line(
                    "Glass broken by ", mention(word.by),
                    f", because nobody answered. Reason: {word.reason.rstrip('.')}. ", *_reviewed(p, own),
                ))
    return lines(*said)


def _reviewed(p: Promotion, own: Rolling) -> tuple[str, ...]:
    if own.reviewed_by:
        return ("Reviewed by ", mention(own.reviewed_by), ".")
    return ("Its review is owed.",) if p.committed else ("To be reviewed afterwards.",)


def _well(p: Promotion, own: Rolling) -> bool:
    """Whether production is as it was before; also while only a review is waited for."""
    return not own.unlike if p.ending is None else p.ending.verdict == "done"


def _seen(p: Promotion, own: Rolling) -> Mark:
    said = [f"✓ Production: {p.verified}" if p.verified else ""]
    said += [f"✗ Production: {'; '.join(own.unlike)}"] if own.unlike else []
    good = own.staged.startswith("taken back")
    said += [f"{'✓' if good else '✗'} Staging: {own.staged}"] if own.staged else []
    text = lines(*(line(each) for each in said if each))
    if own.filed:
        where = line(" ", link(own.link, "Open it")) if own.link else Mark("")
        missing = "" if own.merged else " Until it is merged the Supabase CLI rightly says that this file is missing."
        text = lines(text, line(f"{'✓' if own.merged else '◻'} File: {own.filed}.", where, missing))
    return text


def _buttons(sight: Sight) -> list[Block]:
    p, record, own = sight.promotion, sight.record, _own(sight.promotion)
    found = [button("View SQL", VIEW_SQL, record.id)]
    if sight.rows_of and (p.ending or own.review_asked) and _well(p, own):
        found.append(restore_button(sight.rows_of))
    if record.status is Status.LIVE and own.review_asked and not own.reviewed_by:
        found.append(button("Reviewed", REVIEWED, record.id))
    if record.status is Status.ENDED or p.began or p.rejected or p.cancelled_by:
        return found
    if record.stage == "approval" and not own.words:
        seen = f"{record.id}:{own.mark(p.plan.digest)}"
        found.append(button("Approve", APPROVE, seen, style="danger", confirm=_sure(p, own)))
        if own.glass:
            found.append(button("Break glass", GLASS, seen))
        found.append(button("Reject", REJECT, record.id))
    found.append(button("Cancel", CANCEL, record.id))
    return found


def _sure(p: Promotion, own: Rolling) -> Block:
    costs = rows_short(own.counted) or ", ".join(own.given_up[:2])
    lost = f" Lost with it: {costs}." if costs else ""
    return confirm(
        "Roll back production?",
        f"{own.of} ({own.label}) is taken back at once, by exactly the bytes of plan {p.plan.digest[:6]}.{lost}",
        "Roll back", "Back", style="danger",
    )


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"

"""The thread of a promotion: one line a step, with its evidence; what needs a person mentions them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.checklist import State
from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from templates.blocks import Mark, Message, code, line, mention, notice, speech
from templates.promotion import watching as promotion_watching
from templates.promotion.backup import backup_begun, backup_held, rows_kept
from templates.promotion.course import told_alone, told_resumed, told_stopped
from templates.promotion.emergency import owed_line
from templates.promotion.rows_back import RESTORING
from templates.promotion.turn import TURN
from templates.promotion.voting import VOTING
from templates.promotion.way_back import evidence_lines, proof_lines
from templates.words import Told, sentence, who


def needs_somebody(entry: Entry) -> bool:
    """Whether the line of this entry mentions somebody who has to know or act; such a line stands alone."""
    mentions = ("approval.asked", "approval.void", "gate.waiver_void", "window.near", "run_now.asked", "walk.ended",
                "apply.stopped", "taken_back.done", "emergency.owed", "rows.moved")
    return entry.kind in mentions or entry.data.get("well") is False


def told(promotion: Promotion, entry: Entry) -> Message | None:
    """The line for an entry, or None when the card alone is enough. `promotion` is as of this entry."""
    write = _LINES.get(entry.kind)
    text = write(promotion, entry) if write else None
    return notice(text) if text else None


def _incident(p: Promotion, e: Entry) -> Told:
    return line(f"The incident {e.data['incident']} was opened from this, ", who(e.actor))


def _moved(p: Promotion, e: Entry) -> Told:
    match e.data["to"]:
        case "approval":
            return (
                None
                if e.data["from"] != "gates"
                else line(f"Gates: {e.data['said']}. {_ground(p)}")
            )
        case "window":
            people = "1 person" if len(p.approvals) == 1 else f"{len(p.approvals)} people"
            return line(f"Approved by {people}, and every gate passes")
        case "backup" if p.kind == "promotion":
            return line(sentence(e.data["said"]))
        case "apply" if p.kind == "promotion":
            return line(f"{sentence(e.data['said'])}: applying to production now")
        case _:
            return None


def _waits(p: Promotion, e: Entry) -> Told:
    if e.data["stage"] == "apply" and e.data["for"] and p.failure is None:
        return line(f"Waits for {e.data['for']}")
    return None


def _committed(p: Promotion, e: Entry) -> Told:
    label = next((file.label for file in p.plan.files if file.version == e.data["version"]), str(e.data["version"]))
    if e.data.get("said"):
        return line(f"✓ {label} is in {p.where}. {e.data['said']}")
    if e.data.get("again"):
        return line(f"✓ {label} is in {p.where} already: it does not run again, and is verified as it is now")
    if e.data.get("recovered"):
        return line(
            f"✓ {label} is in {p.where}: its history shows that it was committed by an earlier try, "
            "of which Stagedoor could not hear the end. It was not run again."
        )
    seconds = e.data["seconds"]
    took = f"{float(seconds) * 1000:.0f} ms" if isinstance(seconds, int | float) else ""
    count = f"{e.data['statements']} statement{'' if e.data['statements'] == 1 else 's'}"
    return line(f"✓ {label} is in {p.where}: {count} and its history row in one transaction, {took}")


def _failed(p: Promotion, e: Entry) -> Told:
    again = f" Next try in {_number(e.data.get('in_seconds')):.0f} s." if e.data.get("again") else ""
    return line(f"✗ {e.data['why']}{again}")


def _interrupted(p: Promotion, e: Entry) -> Told:
    return line(f"{e.data['why']} It goes on by itself when Stagedoor is back.")


def _verified(p: Promotion, e: Entry) -> Told:
    return line(f"✓ Verified: {e.data['said']}")


def _taken_back(p: Promotion, e: Entry) -> Told:
    label = next((file.label for file in p.plan.files if file.version == e.data["version"]), str(e.data["version"]))
    return line(f"✓ {label} was taken back on staging by its proven way back; the edited file takes its place")


def _evidence(p: Promotion, e: Entry) -> Told:
    return evidence_lines(e)


def _proof(p: Promotion, e: Entry) -> Told:
    return proof_lines(p, e)


def _page(p: Promotion, e: Entry) -> Told:
    if not p.pages:
        return None
    visit = p.pages[-1]
    mark = "✗" if not visit.well else "✓" if visit.browser else "?"
    return speech(f"{mark} {visit.said}")


def _drift(p: Promotion, e: Entry) -> Told:
    return line("Staging and production differ; all of it is in this file.")


def _taking_back(p: Promotion, e: Entry) -> Told:
    return line(f"{e.data['record']} takes it back, asked for by ", mention(e.actor), f": {e.data['reason']}")


def _gone(p: Promotion, e: Entry) -> Told:
    return line(mention(p.requested_by), f": {p.id} was rolled back by {e.data['record']}; production has it no more.")


def _kept(p: Promotion, e: Entry) -> Told:
    return line(f"{e.data['record']} ended ({e.data['verdict']}): {p.id} is still in production.")


def _well(p: Promotion, who: Mark) -> Mark:
    if p.kind in _OWN_ENDS:
        return line(who, f": {p.id} {_OWN_ENDS[p.kind]}")
    if p.kind == "promotion":
        return line(who, f": {p.id} is done", promotion_watching.well_or_not(p))
    if p.on_behalf:
        return line(f"{p.id} is done: it was taken back on staging, as {p.on_behalf} did in production.")
    return line(
        who, f": {p.id} is done. Staging has all of it. Next: test it there, then ", code("/migrate promote"),
        ". A promotion that waits for this goes on by itself.",
    )


def _ended(p: Promotion, e: Entry) -> Told:
    verdict, why = str(e.data["verdict"]), str(e.data.get("why", ""))
    who = mention(p.requested_by)
    match verdict:
        case "done":
            return _well(p, who)
        case "rolled back":
            return None
        case "cancelled":
            return line("Cancelled by ", mention(e.actor), f". {p.where.capitalize()} is unchanged.")
        case "rejected":
            return line(who, f": {p.id} was rejected by ", mention(e.actor), f". {p.where.capitalize()} is unchanged.")
        case "failed" if p.course.stopped:
            return line(
                f"{p.id} has ended: what is in was verified and watched. {len(p.remaining)} of {len(p.plan.files)} are "
                "not in; the card says how it goes on."
            )
        case "failed":
            balance = (
                f"{p.where} may have changed, look at it now"
                if p.may_have_changed
                else f"{p.where} has changed: {len(p.committed)} of {len(p.plan.files)} "
                f"{'is' if len(p.committed) == 1 else 'are'} in"
                if p.changed_something
                else f"{p.where} is unchanged"
            )
            return line(who, f": {p.id} stopped and {balance}. The card says what failed and what to do next.")
        case "unverified":
            return line(who, f": {p.id} is in {p.where}, but {why}. Look at it now.")
        case "refused" if any(check.state is State.REFUSED for check in p.checklist):
            return line(who, f": {p.id} was refused and {p.where} is unchanged. The card says by which gate, and why.")
        case _:
            return line(who, f": {p.id} ended: {why} {p.where.capitalize()} is unchanged.")


_OWN_ENDS = {
    "baseline": "is accepted. These differences no longer hold up a promotion.",
    "restore": "is done. Rows are back in production; its card says how many, and what stays as it is.",
}


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


_LINES: Mapping[str, Callable[[Promotion, Entry], Told]] = {
    "walk.moved": _moved,
    "walk.waits": _waits,
    "backup.begun": backup_begun,
    "apply.kept": rows_kept,
    "backup.held": backup_held,
    "apply.committed": _committed,
    "apply.failed": _failed,
    "apply.interrupted": _interrupted,
    "apply.stopped": told_stopped,
    "apply.alone": told_alone,
    "promotion.resumed": told_resumed,
    "verify.seen": _verified,
    "taken.back": _taken_back,
    "evidence.seen": _evidence,
    "proof.seen": _proof,
    "drift.seen": _drift,
    "page.seen": _page,
    "watch.begun": promotion_watching.begun,
    "watch.looked": promotion_watching.looked,
    "watch.visited": promotion_watching.visited,
    "emergency.owed": owed_line,
    "taken_back.asked": _taking_back,
    "taken_back.done": _gone,
    "taken_back.ended": _kept,
    "incident.linked": _incident,
    "walk.ended": _ended,
    **VOTING, **TURN, **RESTORING,
}


def _ground(p: Promotion) -> str:
    head = p.plan.head or "an empty history"
    return f"It follows {p.plan.after}, at {head}" if p.plan.after else f"Production is at {head}"

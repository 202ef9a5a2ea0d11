"""The thread of a promotion: one line a step, with its evidence; what needs a person mentions them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.domain.checklist import Check, State
from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.values import texts
from templates.blocks import Mark, Message, code, line, mention, notice, speech, when
from templates.promotion import watching as promotion_watching
from templates.promotion.backup import backup_begun, backup_held, rows_kept
from templates.promotion.course import told_alone, told_resumed, told_stopped
from templates.promotion.emergency import owed_line
from templates.promotion.rows_back import RESTORING
from templates.promotion.way_back import evidence_lines, proof_lines
from templates.words import named, who

Told = Mark | None


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


def _judged(p: Promotion, e: Entry) -> Told:
    checks = [Check.from_json(check) for check in _dicts(e.data["checklist"]) if not check.get("label")]
    objections = [check for check in checks if check.state is not State.PASSED]
    if not objections:
        return None
    return speech("\n".join(f"{check.title}: {check.said}" for check in objections))


def _ticked(p: Promotion, e: Entry) -> Told:
    return line(f"✓ {e.data['label']}, confirmed by ", mention(e.actor))


def _waived(p: Promotion, e: Entry) -> Told:
    title = next((check.title for check in p.checklist if check.gate == e.data["gate"]), str(e.data["gate"]))
    return line("Waived by ", mention(e.actor), f": {title}. Reason: {e.data['reason']} It said: {e.data['said']}")


def _waiver_void(p: Promotion, e: Entry) -> Told:
    return line("The waiver of ", mention(str(e.data["by"])), f" no longer counts: {e.data['why']}.")


def _incident(p: Promotion, e: Entry) -> Told:
    return line(f"The incident {e.data['incident']} was opened from this, ", who(e.actor))


def _asked(p: Promotion, e: Entry) -> Told:
    required, approvers = e.data["required"], texts(e.data["approvers"])
    if not approvers:
        return line(
            "Nobody can approve this: the policy lists no approvers. Add some under [approvals] "
            "and restart Stagedoor; until then it stays here.",
        )
    return line(
        named(approvers), f": {p.id} waits for approval, {required} needed. ",
        "Read the SQL and press Approve or Reject on its card.",
    )


def _approved(p: Promotion, e: Entry) -> Told:
    return line("Approved by ", mention(e.actor), f", plan {p.plan.digest[:6]}")


def _void(p: Promotion, e: Entry) -> Told:
    return line(
        "The approval of ", mention(str(e.data["voter"])), f" no longer counts: {e.data['why']}. Another one is needed."
    )


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
            return line(_sentence(e.data["said"]))
        case "apply" if p.kind == "promotion":
            return line(f"{_sentence(e.data['said'])}: applying to production now")
        case _:
            return None


def _waits(p: Promotion, e: Entry) -> Told:
    if e.data["stage"] == "apply" and e.data["for"] and p.failure is None:
        return line(f"Waits for {e.data['for']}")
    return None


def _planned(p: Promotion, e: Entry) -> Told:
    opens = when(datetime.fromisoformat(str(e.data["opens"])))
    why = f"{_sentence(e.data['why'])}. " if e.data["why"] else ""
    return line(why, f"{p.id} waits for the deploy window, ", opens)


def _held(p: Promotion, e: Entry) -> Told:
    return line(f"{p.id} waits for {e.data['why']}")


def _scheduled(p: Promotion, e: Entry) -> Told:
    opens = when(datetime.fromisoformat(str(e.data["opens"])))
    return line("Scheduled by ", mention(e.actor), " for the deploy window, ", opens)


def _run_now_asked(p: Promotion, e: Entry) -> Told:
    approvers = texts(e.data.get("approvers"))
    reason = str(e.data["reason"]).rstrip(".")
    return line(named(approvers), ": " if approvers else "", mention(e.actor),
                f" asks to run {p.id} outside of the deploy windows. Reason: {reason}. "
                "An approver other than the requester has to press Run now on its card as well.")


def _run_now(p: Promotion, e: Entry) -> Told:
    return line("Outside of the deploy windows: let through by ", mention(e.actor), f". Reason: {e.data['reason']}")


def _run_now_void(p: Promotion, e: Entry) -> Told:
    return line("The word of ", mention(str(e.data["by"])), f" to run it now no longer counts: {e.data['why']}.")


def _near(p: Promotion, e: Entry) -> Told:
    people = texts(e.data["people"])
    names = named(people), " " if people else ""
    opens = when(datetime.fromisoformat(str(e.data["opens"])))
    if not e.data["attended"]:
        return line(*names, f"{p.id} goes in when the deploy window opens, ", opens)
    return line(
        *names, f"{p.id} goes in when the deploy window opens, ", opens,
        ", if one of you is there then: press I am here on its card. Otherwise it waits for the next window.",
    )


def _here(p: Promotion, e: Entry) -> Told:
    return line(mention(e.actor), " is there")


def _committed(p: Promotion, e: Entry) -> Told:
    label = next((file.label for file in p.plan.files if file.version == e.data["version"]), str(e.data["version"]))
    if e.data.get("said"):
        return line(f"✓ {label} is in {p.where}. {e.data['said']}")
    if e.data.get("again"):
        return line(f"✓ {label} is in {p.where} already: it does not run again, and is verified as it is now")
    if e.data.get("recovered"):
        return line(
            f"✓ {label} is in {p.where}: the history shows that it was committed "
            "before Stagedoor was interrupted. It was not run again."
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


def _too_late(p: Promotion, e: Entry) -> Told:
    if not p.began:
        return None
    word = "Cancel" if e.kind == "promotion.cancelled" else "Reject"
    return line(
        mention(e.actor), f": {word} came too late, {p.where} was being changed already. The card says how it goes on."
    )


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


def _sentence(said: Json) -> str:
    words = str(said)
    return words[:1].upper() + words[1:]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in _list(value) if isinstance(item, dict)]


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


_LINES: Mapping[str, Callable[[Promotion, Entry], Told]] = {
    "gates.judged": _judged,
    "promotion.ticked": _ticked,
    "gate.waived": _waived,
    "gate.waiver_void": _waiver_void,
    "approval.asked": _asked,
    "promotion.approved": _approved,
    "promotion.cancelled": _too_late,
    "promotion.rejected": _too_late,
    "approval.void": _void,
    "window.planned": _planned,
    "window.held": _held,
    "window.scheduled": _scheduled,
    "run_now.asked": _run_now_asked,
    "run_now.given": _run_now,
    "run_now.void": _run_now_void,
    "window.near": _near,
    "promotion.attended": _here,
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
    **RESTORING,
}


def _ground(p: Promotion) -> str:
    head = p.plan.head or "an empty history"
    return f"It follows {p.plan.after}, at {head}" if p.plan.after else f"Production is at {head}"

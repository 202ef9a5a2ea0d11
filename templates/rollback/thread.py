"""The thread of a rollback: one line a step; what needs a person mentions them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.rolling_back import Rolling
from bot.domain.values import texts
from templates.blocks import Mark, Message, line, lines, mention, notice, speech, when
from templates.promotion.thread import told as told_of_promotion
from templates.words import Told, named

SHARED = ("apply.committed", "apply.failed", "backup.begun", "backup.held")
"""What is told as it is of a promotion."""
ALONE = frozenset({
    "rollback.paged", "rollback.glass", "rollback.answered", "rollback.review", "rollback.void", "people.called",
    "walk.ended",
})
"""Lines that mention somebody who has to know or act."""


def told(rollback: Promotion, entry: Entry) -> Message | None:
    """The line for an entry, or None when the card alone is enough."""
    if entry.kind in _LINES:
        text = _LINES[entry.kind](rollback, entry)
        return notice(text) if text else None
    return told_of_promotion(rollback, entry) if entry.kind in SHARED else None


def _paged(p: Promotion, e: Entry) -> Told:
    glass = line(" If nobody answers, one person may decide alone from ", when(_time(e.data["glass_at"])), ".")
    if e.data.get("again"):
        glass = Mark("")
    if e.data["pressable"]:
        return line(*_names(e), f"{p.id} waits for one of you to press Approve on its card. This very rollback was "
                    "approved with its promotion.", glass)
    changed = ""
    if e.data.get("again"):
        why = e.data.get("why")
        changed = f" It is not what you were called to before: {why or 'the word given with the promotion has ended'}."
    return line(*_names(e), f"{p.id} waits for an approver other than ", mention(p.requested_by),
                f" to press Approve on its card.{changed}", glass)


def _glass(p: Promotion, e: Entry) -> Told:
    return line(*_names(e), f"nobody answered. Break glass on {p.id}'s card lets one person decide, with a reason.")


def _answered(p: Promotion, e: Entry) -> Told:
    return line(mention(str(e.data["by"])), " acknowledged the page and may decide: press Approve or Reject on the "
                "card. The glass stays closed until ", when(_time(e.data["glass_at"])), ".")


def _word(p: Promotion, e: Entry) -> Told:
    said = {"pressed": "Pressed by ", "approved": "Approved by "}.get(str(e.data["how"]), "Glass broken by ")
    reason = f". Reason: {e.data['reason']}" if e.data.get("reason") else f", plan {p.plan.digest[:6]}"
    return line(said, mention(e.actor), reason)


def _void(p: Promotion, e: Entry) -> Told:
    return line(*_names(e), "the word of ", mention(str(e.data["by"])), f" does not count: {e.data['why']}. "
                f"Nothing has begun; {p.id} waits for another one.")


def _called(p: Promotion, e: Entry) -> Told:
    return line(*_names(e), f"the rollback {p.id} needs you: {e.data['why']} Its card says what is in and what is not.")


def _verified(p: Promotion, e: Entry) -> Told:
    return line(f"✓ Verified: {e.data['said']}")


def _staged(p: Promotion, e: Entry) -> Told:
    return line(f"{'✓' if e.data['well'] else '✗'} Staging: {e.data['said']}")


def _filed(p: Promotion, e: Entry) -> Told:
    return speech(f"File: {e.data['said']}.")


def _review(p: Promotion, e: Entry) -> Told:
    own = p.rolling
    assert own is not None
    assert own.alone is not None
    asks = line(*_names(e), f"{p.id} began on the word of ", mention(own.alone.by), f" alone ({own.alone.reason}). "
                "Look at what was done, then press Reviewed on its card.")
    return asks if e.data["again"] else lines(_over(p, own), asks)


def _over(p: Promotion, own: Rolling) -> Mark:
    """The news that production no longer has it, and in which state it is."""
    if own.unlike:
        return line(mention(p.requested_by), f": {own.of} is taken back, and production is not as it was before. "
                    "Look at it now.")
    seen = "was not compared with before" if "not compared" in p.verified else "is as it was before it"
    return line(mention(p.requested_by), f": {own.of} is rolled back; production {seen}. Next: find the cause, mend it "
                "in a new migration, and stage that.")


def _ended(p: Promotion, e: Entry) -> Told:
    own, verdict = p.rolling, str(e.data["verdict"])
    assert own is not None
    match verdict:
        case "done" | "unverified" if own.review_asked:
            return line(f"{p.id} was reviewed by ", mention(own.reviewed_by), ".") if own.reviewed_by else None
        case "done" | "unverified":
            return _over(p, own)
        case "failed" if p.may_have_changed:
            return line(mention(p.requested_by), f": {p.id} stopped, and production may have changed. Look at it now. "
                        f"{e.data['why']}")
        case "cancelled" | "rejected":
            return line(f"{verdict.capitalize()} by ", mention(e.actor), f". {own.of} is still in production.")
        case _:
            return line(mention(p.requested_by), f": {p.id} ended and {own.of} is still in production. {e.data['why']}")


def _names(e: Entry) -> list[str]:
    people = texts(e.data.get("people"))
    return [named(people), ": "] if people else []


def _time(value: Json) -> datetime:
    return datetime.fromisoformat(str(value))


_LINES: Mapping[str, Callable[[Promotion, Entry], Told]] = {
    "rollback.paged": _paged, "rollback.glass": _glass, "rollback.answered": _answered, "rollback.review": _review,
    "rollback.word": _word, "rollback.void": _void,
    "people.called": _called, "verify.seen": _verified, "rollback.staged": _staged,
    "rollback.filed": _filed, "walk.ended": _ended,
}

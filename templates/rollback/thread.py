"""The thread of a rollback: one line a step; what needs a person mentions them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.values import texts
from templates.blocks import Mark, Message, line, mention, notice, speech, when
from templates.promotion.thread import told as told_of_promotion
from templates.words import named

Told = Mark | None
SHARED = ("apply.committed", "apply.failed", "backup.begun", "backup.held")
"""What is told as it is of a promotion."""
ALONE = frozenset({
    "rollback.paged", "rollback.glass", "rollback.answered", "rollback.void", "people.called", "walk.ended",
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
    if e.data["pressable"]:
        return line(*_names(e), f"{p.id} waits for one of you to press Approve on its card. This very rollback was "
                    "approved with its promotion.", glass)
    return line(*_names(e), f"{p.id} waits for an approver other than ", mention(p.requested_by), ".", glass)


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
    return line("The word of ", mention(str(e.data["by"])), f" does not count: {e.data['why']}.")


def _called(p: Promotion, e: Entry) -> Told:
    return line(*_names(e), f"the rollback {p.id} needs you: {e.data['why']} Its card says what is in and what is not.")


def _verified(p: Promotion, e: Entry) -> Told:
    return line(f"✓ Verified: {e.data['said']}")


def _staged(p: Promotion, e: Entry) -> Told:
    return line(f"{'✓' if e.data['well'] else '✗'} Staging: {e.data['said']}")


def _filed(p: Promotion, e: Entry) -> Told:
    return speech(f"File: {e.data['said']}.")


def _ended(p: Promotion, e: Entry) -> Told:
    own, verdict = p.rolling, str(e.data["verdict"])
    assert own is not None
    match verdict:
        case "done":
            return line(mention(p.requested_by), f": {own.of} is rolled back; production is as it was before it. Next: "
                        "find the cause, mend it in a new migration, and stage that.")
        case "unverified":
            return line(mention(p.requested_by), f": {own.of} is taken back, and production is not as it was before. "
                        "Look at it now.")
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
    "rollback.paged": _paged, "rollback.glass": _glass, "rollback.answered": _answered,
    "rollback.word": _word, "rollback.void": _void,
    "people.called": _called, "verify.seen": _verified, "rollback.staged": _staged,
    "rollback.filed": _filed, "walk.ended": _ended,
}

"""What people and gates said of a promotion, as lines of its thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.checklist import Check, State
from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.values import maps, texts
from templates.blocks import line, mention, speech
from templates.words import Told, named


def _judged(p: Promotion, e: Entry) -> Told:
    checks = [Check.from_json(check) for check in maps(e.data["checklist"]) if not check.get("label")]
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


def _too_late(p: Promotion, e: Entry) -> Told:
    if not p.began:
        return None
    word = "Cancel" if e.kind == "promotion.cancelled" else "Reject"
    return line(
        mention(e.actor), f": {word} came too late, {p.where} was being changed already. The card says how it goes on."
    )


VOTING: Mapping[str, Callable[[Promotion, Entry], Told]] = {
    "gates.judged": _judged,
    "promotion.ticked": _ticked,
    "gate.waived": _waived,
    "gate.waiver_void": _waiver_void,
    "approval.asked": _asked,
    "promotion.approved": _approved,
    "promotion.cancelled": _too_late,
    "promotion.rejected": _too_late,
    "approval.void": _void,
}
"""How each of its entries is told."""

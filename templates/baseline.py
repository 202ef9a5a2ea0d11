"""A baseline in Slack: the differences that somebody wants accepted for good."""

from __future__ import annotations

from bot.domain.record import Status
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
    mention,
    preformatted,
    section,
)
from templates.promotion.buttons import APPROVE, CANCEL, REJECT
from templates.promotion.sight import Sight
from templates.words import named, of_project

MOST = 100


def baseline_card(sight: Sight) -> Message:
    """The one message of a baseline, as it is now."""
    p = sight.promotion
    count = len(p.plan.accepts)
    title = f"Accept {count} difference{'s' if count != 1 else ''} as the baseline{of_project(p.plan.project)}"
    status = _status(sight)
    shown = [difference.said for difference in p.plan.accepts[:MOST]]
    if count > MOST:
        shown.append(f"and {count - MOST} more")
    meaning = "Accepted ones no longer hold up a promotion; another edit of the same file is a new difference."
    blocks: list[Block] = [section(bold(title)), section(status), preformatted("\n".join(shown))]
    blocks.append(section(line(meaning)))
    if sight.record.status is Status.LIVE:
        blocks.append(actions(*_buttons(sight)))
    blocks.append(context(line(f"{sight.record.id} · plan {p.plan.digest[:6]}")))
    return Message(lines(title, status, *shown), tuple(blocks))


def _status(sight: Sight) -> Mark:
    p = sight.promotion
    asked = line(" · asked by ", mention(p.requested_by))
    if p.ending is None and sight.record.stage == "gates":
        return line("Checking that nothing changed meanwhile", asked)
    if p.ending is None:
        return line(f"Waiting for approval, {len(p.approvals)} of {sight.required}", asked)
    match p.ending.verdict:
        case "done":
            return line("Accepted, approved by ", named(p.approvals, " and "), asked)
        case "cancelled" | "rejected":
            return line(f"{p.ending.verdict.capitalize()} by ", mention(p.ending.by), asked)
        case _:
            return line(f"{p.ending.verdict.capitalize()}: {p.ending.why}", asked)


def _buttons(sight: Sight) -> list[Block]:
    id, buttons = sight.record.id, list[Block]()
    if sight.record.stage == "approval":
        sure = confirm(
            "Accept for good?", "Exactly these differences no longer hold up promotions.", "Accept", "Back",
        )
        buttons.append(button("Approve", APPROVE, id, style="primary", confirm=sure))
        buttons.append(button("Reject", REJECT, id))
    return [*buttons, button("Cancel", CANCEL, id)]

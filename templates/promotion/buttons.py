"""The buttons of a promotion's card: each only while pressing it makes sense."""

from __future__ import annotations

from bot.domain.checklist import automatic_passed
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from templates.blocks import Block, button, confirm
from templates.incident.card import OPEN_FROM
from templates.promotion.course import resume_button
from templates.promotion.restore_button import restore_button
from templates.promotion.sight import Sight
from templates.promotion.timing import RUN_NOW, SCHEDULE
from templates.promotion.unread import unread_costs
from templates.promotion.way_back import approving_costs, roll_back_button, rollback_button

APPROVE, REJECT, CANCEL = "promotion.approve", "promotion.reject", "promotion.cancel"
VIEW_SQL, I_AM_HERE = "promotion.sql", "promotion.here"


def buttons_of(sight: Sight) -> list[Block]:
    p, id = sight.promotion, sight.record.id
    buttons = [button("View SQL", VIEW_SQL, id), *rollback_button(p, id), *roll_back_button(p, id, sight.record.stage)]
    if sight.record.status is Status.ENDED or p.began:
        rows = [restore_button(id)] if p.keeps and p.taken_back and p.taken_back.done else []
        return [*buttons, *rows, *resume_button(sight), *_incident_button(p, id)]
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


def _incident_button(p: Promotion, id: str) -> list[Block]:
    """Where production has changed and it did not come to a good end."""
    ended = p.ending is not None and p.ending.verdict in ("failed", "unverified")
    half_way = p.ending is None and p.failure is not None and not p.attempting
    changed = p.where == "production" and (p.changed_something or p.may_have_changed)
    return [button("Open incident", OPEN_FROM, id)] if changed and (ended or half_way) else []


def _may_run_now(sight: Sight) -> bool:
    """While it waits for a window that is not open, and nobody let it through yet."""
    p, record = sight.promotion, sight.record
    waits = record.stage == "window" and record.waits_for.startswith("the deploy window")
    return waits and not (p.run_now and p.run_now.given_by)


def _sure(p: Promotion) -> Block:
    names = [file.label for file in p.plan.files]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    said = [
        f"Exactly the bytes of plan {p.plan.digest[:6]}: {', '.join(names[:2])}{more}.",
        approving_costs(p), unread_costs(p),
        f"{'They go' if len(names) > 1 else 'It goes'} in as soon as every gate passes.",
    ]
    return confirm(
        "Approve for production?",
        " ".join(text for text in said if text),
        "Approve",
        "Back",
    )

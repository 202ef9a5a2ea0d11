"""`Restore data` in Slack: the button, and the card of putting kept rows back."""

from __future__ import annotations

from bot.domain.backup import rows_words
from bot.domain.promotion import Promotion
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
    section,
)
from templates.promotion.buttons import APPROVE, CANCEL, REJECT
from templates.promotion.sight import Sight
from templates.words import named, of_project


def restore_card(sight: Sight) -> Message:
    """The one message of a restore, as it is now."""
    p = sight.promotion
    title = f"Restore the data that {p.restores} destroyed{of_project(p.plan.project)}"
    status = _status(sight)
    meaning = (
        "Rows that are there again stay as they are; columns that were dropped or overwritten get their old values, "
        "also over what was written since. It is one transaction: all of it, or nothing."
    )
    blocks: list[Block] = [section(bold(title)), section(status), section(line(_what(p), meaning))]
    if sight.record.status is Status.LIVE and not p.restoring:
        blocks.append(actions(*_buttons(sight)))
    blocks.append(context(line(f"{sight.record.id} · kept inside production in {p.restores}'s own transactions")))
    return Message(lines(title, status, _what(p)), tuple(blocks))


def _what(p: Promotion) -> str:
    tables, rows = p.kept_rows.get("tables"), p.kept_rows.get("rows")
    if not isinstance(tables, list):
        return ""
    names = ", ".join(str(table).removeprefix("public.") for table in tables)
    return f"{rows_words(rows if isinstance(rows, int) else 0)} of {names}. "


def _status(sight: Sight) -> Mark:
    p = sight.promotion
    asked = line(" · asked by ", mention(p.requested_by))
    if p.ending is None:
        if sight.record.stage == "approval":
            return line(f"Waiting for approval, {len(p.approvals)} of {sight.required}", asked)
        if sight.record.waits_for and sight.record.stage == "put_back":
            return line(f"Waiting for {sight.record.waits_for}", asked)
        return line("Putting them back" if sight.record.stage == "put_back" else "Looking what is kept", asked)
    match p.ending.verdict:
        case "done":
            return line(f"Done · back in production: {_balance(p)}, approved by ", named(p.approvals, " and "), asked)
        case "cancelled" | "rejected":
            return line(f"{p.ending.verdict.capitalize()} by ", mention(p.ending.by), asked)
        case _:
            return line(f"Stopped, production is unchanged: {p.ending.why}", asked)


def _balance(p: Promotion) -> str:
    """How many rows are back, and whether some found no place: gone since, there again, or under another key."""
    put, kept = sum(p.restored.values()), p.kept_rows.get("rows")
    if not isinstance(kept, int) or put >= kept:
        return rows_words(put)
    return f"{put:,} of {rows_words(kept)}; the others are there again, or have no row left to go to"


def _buttons(sight: Sight) -> list[Block]:
    id, buttons = sight.record.id, list[Block]()
    if sight.record.stage == "approval":
        sure = confirm(
            "Put the rows back?", "They go into production as soon as enough people approved.", "Approve", "Back",
        )
        buttons += [button("Approve", APPROVE, id, style="primary", confirm=sure), button("Reject", REJECT, id)]
    return [*buttons, button("Cancel", CANCEL, id)]

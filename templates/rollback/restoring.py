"""`Restore data` in Slack: the button, and the card of putting kept rows back."""

from __future__ import annotations

from bot.domain.backup import rows_words
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.domain.returning import left, returning
from bot.domain.values import texts
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
from templates.promotion.backup import backing_up
from templates.promotion.buttons import APPROVE, CANCEL, REJECT
from templates.promotion.sight import Sight
from templates.words import named, of_project

MEANING = (
    "Nothing that somebody wrote since is written over. Production is dumped first, where the policy takes backups; "
    "then it is one transaction: all of this, or nothing."
)
RESTORE_BY_HAND = "/migrate backup says how a table is brought back from a dump."
_DOING = {"gates": "Looking what is kept", "put_back": "Putting them back", "verify": "Back. Verifying"}


def restore_card(sight: Sight) -> Message:
    """The one message of a restore, as it is now."""
    p = sight.promotion
    title = f"Restore the data that {p.restores} destroyed{of_project(p.plan.project)}"
    status = _status(sight)
    blocks: list[Block] = [section(bold(title)), section(status)]
    if what := lines(*_what(p), MEANING if p.ending is None else ""):
        blocks.append(section(what))
    if sight.record.status is Status.LIVE and not p.began and sight.record.stage != "verify":
        blocks.append(actions(*_buttons(sight)))
    blocks.append(context(line(f"{sight.record.id} · kept inside production in {p.restores}'s own transactions")))
    return Message(lines(title, status, *_what(p)), tuple(blocks))


def _what(p: Promotion) -> list[str]:
    """Table by table: what goes back, or what went; and where the rest lies."""
    parts = p.returned or returning(p.kept_rows.get("returning"))
    said = [f"{part.said}." for part in parts if part.kept]
    if missing := texts(p.kept_rows.get("left_out")):
        said.append(f"Not among them: {'; '.join(missing)}. {RESTORE_BY_HAND}")
    if places := left(parts):
        said.append(f"The old values of what stays are in {', '.join(places)}, which only the owner reads.")
    return said


def _status(sight: Sight) -> Mark:
    p = sight.promotion
    asked = line(" · asked by ", mention(p.requested_by))
    if p.ending is None:
        if sight.record.stage == "approval":
            return line(f"Waiting for approval, {len(p.approvals)} of {sight.required}", asked)
        if sight.record.stage == "backup":
            return line(backing_up(sight), asked)
        if sight.record.waits_for:
            return line(f"Waiting for {sight.record.waits_for}", asked)
        return line(_DOING.get(sight.record.stage, f"At “{sight.record.stage}”"), asked)
    match p.ending.verdict:
        case "done":
            backup = f" · dumped before as {p.backup.id}" if p.backup and p.backup.done else ""
            return line(
                f"Done · back in production: {_balance(p)}, approved by ", named(p.approvals, " and "), asked, backup,
            )
        case "cancelled" | "rejected":
            return line(f"{p.ending.verdict.capitalize()} by ", mention(p.ending.by), asked)
        case "unverified":
            return line(f"Not as expected: {p.ending.why}", asked)
        case _:
            return line(f"Stopped, production is unchanged: {p.ending.why}", asked)


def _balance(p: Promotion) -> str:
    """How many rows are back; the lines below say of each table what is not, and why."""
    put, kept = sum(part.put for part in p.returned), sum(part.kept for part in p.returned)
    return f"{put:,} of {rows_words(kept)}" if put < kept else rows_words(put)


def _buttons(sight: Sight) -> list[Block]:
    id, buttons = sight.record.id, list[Block]()
    if sight.record.stage == "approval":
        sure = confirm(
            "Put the rows back?", "They go into production as soon as enough people approved.", "Approve", "Back",
        )
        buttons += [button("Approve", APPROVE, id, style="primary", confirm=sure), button("Reject", REJECT, id)]
    return [*buttons, button("Cancel", CANCEL, id)]

"""The backup of a promotion, on its card and in its thread: how far it is, and what holds the data it destroys."""

from __future__ import annotations

from bot.domain.backup import rows_words
from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from templates.backup.card import how_far, number
from templates.blocks import Mark, line
from templates.promotion.sight import Sight

NOWHERE = "kept nowhere: the policy takes no backup"


def backing_up(sight: Sight) -> str:
    """The status while a backup is taken for a promotion."""
    held, progress, waits = sight.promotion.backup, sight.progress, sight.record.waits_for
    if held is None:
        return "Approved. About to look whether a backup is needed"
    if ", which waits for " in waits:
        return f"Waiting for {waits}"
    return how_far(held.id, progress) if progress else f"Backing up as {held.id} before anything is changed"


def backup_begun(p: Promotion, e: Entry) -> Mark:
    """The thread's line when a backup begins."""
    count = number(e.data.get("tables"))
    what = f"the {count} tables that it touches" if count else "the whole database"
    return line(f"Backing up {what} as {e.data['backup']} first; nothing goes in before it is proven")


def backup_held(p: Promotion, e: Entry) -> Mark:
    """The thread's line when it is proven."""
    return line(f"✓ Backup {e.data['backup']}: {e.data['said']}")


def rows_kept(p: Promotion, e: Entry) -> Mark:
    """The thread's line for rows that were copied right before a statement: what of them, and what is too much."""
    found = e.data.get("kept")
    said = []
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict):
            table = str(one.get("table")).removeprefix("public.")
            left = one.get("left_out")
            said.append(f"not {table}, {left}" if left else f"{rows_words(number(one.get('rows')))} of {table}")
    return line(f"Kept inside production with statement {e.data['statement']}, if it goes in: {'; '.join(said)}")


def kept(promotion: Promotion) -> str:
    """What holds the data that a promotion destroys; nothing where nothing does."""
    if promotion.backup and promotion.backup.done:
        return f"kept in backup {promotion.backup.id}"
    backups = promotion.terms.get("backups")
    when = str(backups["when"]) if isinstance(backups, dict) else "never"
    return "a backup is taken first" if when != "never" else ""


def kept_by_rollback(promotion: Promotion) -> str:
    """What would hold the data that going back costs."""
    backups = promotion.terms.get("backups")
    when = str(backups["when"]) if isinstance(backups, dict) else "never"
    return "a rollback takes a backup of it first" if when != "never" else NOWHERE

"""Backups in Slack: how far one is, what holds the data that a promotion destroys, and the list of those there are."""

from __future__ import annotations

from bot.domain.backup import megabytes
from bot.domain.entry import Entry, Json
from bot.domain.promotion import Promotion
from templates.blocks import Mark, line
from templates.promotion_sight import Sight

NOWHERE = "kept nowhere: the policy takes no backup"


def backing_up(sight: Sight) -> str:
    """The status while a backup is taken for a promotion."""
    held, progress, waits = sight.promotion.backup, sight.progress, sight.record.waits_for
    if held is None:
        return "Approved. About to look whether a backup is needed"
    if ", which waits for " in waits:
        return f"Waiting for {waits}"
    if (read := _number(progress.get("read"))) and (of := _number(progress.get("of"))):
        return f"Backing up as {held.id} · proving it, {min(99, 100 * read // of)} % read"
    if written := _number(progress.get("bytes")):
        tables = megabytes(_number(progress.get("tables_bytes")))
        return f"Backing up as {held.id} · {megabytes(written)} written, the tables take {tables}"
    return f"Backing up as {held.id} before anything is changed"


def backup_begun(p: Promotion, e: Entry) -> Mark:
    """The thread's line when a backup begins."""
    count = _number(e.data.get("tables"))
    what = f"the {count} tables that it touches" if count else "the whole database"
    return line(f"Backing up {what} as {e.data['backup']} first; nothing goes in before it is proven")


def backup_held(p: Promotion, e: Entry) -> Mark:
    """The thread's line when it is proven."""
    return line(f"✓ Backup {e.data['backup']}: {e.data['said']}")


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


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0

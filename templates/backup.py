"""Backups in Slack: how far one is, what holds the data that a promotion destroys, and the list of those there are."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.backup import Backup, megabytes, rows_words
from bot.domain.entry import SYSTEM, Entry, Json
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from templates.blocks import Mark, Message, bold, code, context, line, mention, notice, section
from templates.promotion_sight import Sight, of_project

NOWHERE = "kept nowhere: the policy takes no backup"


def backing_up(sight: Sight) -> str:
    """The status while a backup is taken for a promotion."""
    held, progress, waits = sight.promotion.backup, sight.progress, sight.record.waits_for
    if held is None:
        return "Approved. About to look whether a backup is needed"
    if ", which waits for " in waits:
        return f"Waiting for {waits}"
    return _how_far(held.id, progress) if progress else f"Backing up as {held.id} before anything is changed"


def backup_card(record: Record, backup: Backup, progress: Mapping[str, Json]) -> Message:
    """The message of a backup that somebody asked for, or of a nightly one that failed."""
    title = f"Backup of production{of_project(backup.project)}"
    asked = line(" · asked by ", mention(backup.asked_by)) if backup.asked_by != SYSTEM else line(" · nightly")
    if backup.verdict == "done":
        said = f"Done · {backup.summary}" if backup.removed_at is None else "Removed by retention"
    elif backup.verdict:
        said = f"Failed: {backup.why}. Production was only read, and no half dump was kept."
    else:
        said = f"Waiting for {record.waits_for}" if record.waits_for else _how_far(backup.id, progress)
    small = f" · {backup.kept.file or backup.kept.address}" if backup.kept else ""
    return Message(
        f"{title}: {said}", (section(bold(title)), section(line(said, asked)), context(line(f"{backup.id}{small}"))),
    )


def backup_ended(backup: Backup) -> Message | None:
    """The thread's line for those who have to know."""
    who = line(mention(backup.asked_by), ": ") if backup.asked_by != SYSTEM else Mark("")
    if backup.verdict == "done":
        return notice(line(who, f"{backup.id} is done, {backup.summary}. ", code("/migrate backup"), " says where."))
    next_ = "mend that, then type /migrate backup now"
    return notice(line(who, f"{backup.id} failed: {backup.why}. There is no backup of this; {next_}."))


def _how_far(id: str, progress: Mapping[str, Json]) -> str:
    if (read := _number(progress.get("read"))) and (of := _number(progress.get("of"))):
        return f"Backing up as {id} · proving it, {min(99, 100 * read // of)} % read"
    if written := _number(progress.get("bytes")):
        tables = megabytes(_number(progress.get("tables_bytes")))
        return f"Backing up as {id} · {megabytes(written)} written, the tables take {tables}"
    return f"Backing up as {id}"


def backup_begun(p: Promotion, e: Entry) -> Mark:
    """The thread's line when a backup begins."""
    count = _number(e.data.get("tables"))
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
            said.append(f"not {table}, {left}" if left else f"{rows_words(_number(one.get('rows')))} of {table}")
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


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0

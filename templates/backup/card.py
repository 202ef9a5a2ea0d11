"""A backup in Slack: its message, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.backup import Backup, megabytes
from bot.domain.entry import SYSTEM, Json
from bot.domain.record import Record
from templates.blocks import Mark, Message, bold, code, context, line, mention, notice, section
from templates.words import of_project


def backup_card(record: Record, backup: Backup, progress: Mapping[str, Json]) -> Message:
    """The message of a backup that somebody asked for, or of a nightly one that failed."""
    title = f"Backup of production{of_project(backup.project)}"
    asked = line(" · asked by ", mention(backup.asked_by)) if backup.asked_by != SYSTEM else line(" · nightly")
    if backup.verdict == "done":
        said = f"Done · {backup.summary}" if backup.removed_at is None else "Removed by retention"
    elif backup.verdict:
        said = f"Failed: {backup.why}. Production was only read, and no half dump was kept."
    else:
        said = f"Waiting for {record.waits_for}" if record.waits_for else how_far(backup.id, progress)
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


def how_far(id: str, progress: Mapping[str, Json]) -> str:
    """How far a backup is."""
    if (read := number(progress.get("read"))) and (of := number(progress.get("of"))):
        return f"Backing up as {id} · proving it, {min(99, 100 * read // of)} % read"
    if written := number(progress.get("bytes")):
        tables = megabytes(number(progress.get("tables_bytes")))
        return f"Backing up as {id} · {megabytes(written)} written, the tables take {tables}"
    return f"Backing up as {id}"


def number(value: Json) -> int:
    """What is shown for a count that may be missing."""
    return value if isinstance(value, int) else 0

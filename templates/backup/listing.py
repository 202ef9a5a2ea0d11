"""What `/migrate backup` answers: the dumps with age, size, proof, place and cause, and how one is put back."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.backup import Backup, Kept, OfPlatform, Shelved, megabytes, proof_words
from templates.blocks import Block, Mark, Message, bold, code, context, line, lines, preformatted, section, when
from templates.words import of_project

MOST = 10


def backup_list(listed: Shelved, rows: Sequence[str] = ()) -> Message:
    """The whole answer; `rows` is what is kept inside production, in words."""
    title = f"Backups{of_project(listed.project)}"
    blocks: list[Block] = [section(bold(title))]
    blocks += [section(line(f"… {one.id} is being taken, {_cause(one)}, since ", when(one.asked_at)))
               for one in listed.running]
    if listed.failed:
        blocks.append(section(line("✗ The last one failed: ", listed.failed.why, ", ", when(listed.failed.asked_at))))
    blocks += [section(_entry(one, listed.going)) for one in listed.good[:MOST]]
    if not listed.good:
        blocks.append(section(line("There is none yet. An operator takes one with ", code("/migrate backup now"), ".")))
    if more := len(listed.good) - MOST:
        blocks += [context(line(f"And {more} older ones."))] if more > 0 else []
    if rows:
        blocks.append(section(lines(bold("Rows kept inside production"), *rows[:MOST])))
        blocks.append(context(line("After a rollback ", code("/migrate backup restore P-…"), " asks for them back.")))
    blocks.append(section(of_platform(listed.platform, listed.silent)))
    if listed.good and (newest := listed.good[0].kept):
        blocks.append(section(line(f"To restore {listed.good[0].id} into an empty database, never into production:")))
        blocks.append(preformatted(restoring(newest)))
    blocks.append(context(_rhythm(listed)))
    text = "\n".join([title, *(f"{one.id} {one.summary}" for one in listed.good[:MOST])])
    return Message(text, tuple(blocks))


def of_platform(found: OfPlatform | None, silent: str) -> Mark:
    """What Supabase keeps by itself, beside ours."""
    if silent:
        return line(bold("Supabase's own"), f": could not be looked up. {silent}")
    if found is None:
        return line(bold("Supabase's own"), ": not looked up, the Management API is not configured.")
    if found.point_in_time and found.earliest and found.latest:
        return line(
            bold("Supabase's own"), ": any moment from ", when(found.earliest), " to ", when(found.latest),
            " (point-in-time recovery). Restoring takes the project down meanwhile: Dashboard, Database, Backups.",
        )
    if not found.completed:
        return line(bold("Supabase's own"), ": none.")
    count = f"{len(found.completed)} daily one{'s' if len(found.completed) != 1 else ''}"
    failed = [line("; the one of ", when(found.failed[-1]), " failed")] if (
        found.failed and found.failed[-1] > found.completed[-1]
    ) else []
    return line(
        bold("Supabase's own"), f": {count}, the newest of ", when(found.completed[-1]), *failed,
        ". Restoring takes the project down meanwhile: Dashboard, Database, Backups.",
    )


def restoring(kept: Kept) -> str:
    """Lines for a shell that bring a dump back, whole or one table's rows; they work as they stand, and end at a file
    that is not the one that was kept."""
    file = kept.file or kept.address.rpartition("/")[2]
    fetch = "" if kept.file else f"# fetch {kept.address} first\n"
    plain = file.removesuffix(".age")
    opened = f"age --decrypt --identity ~/key.txt --output {_quoted(plain)} {_quoted(file)} &&\n" if (
        kept.encrypted_to
    ) else ""
    return (
        f"{fetch}RESTORE_TO=${{RESTORE_TO:-postgresql://USER@HOST:5432/EMPTY}}\n"
        f"echo {kept.sha256}  {_quoted(file)} | sha256sum --check &&\n{opened}"
        f"pg_restore --no-owner --no-privileges --dbname \"$RESTORE_TO\" {_quoted(plain)}\n"
        f"# one table's rows alone: add --data-only --schema public --table NAME"
    )


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _entry(one: Backup, going: tuple[str, ...]) -> Mark:
    assert one.kept is not None
    assert one.proven is not None
    goes = " · goes after the next one (retention)" if one.id in going else ""
    sealed = ", encrypted" if one.kept.encrypted_to else ""
    left = f"without {', '.join(one.dumped.left_out[:3])}, which may not be read" if (
        one.dumped and one.dumped.left_out
    ) else ""
    return lines(
        line(bold(one.id), " · ", when(one.asked_at), f" · {megabytes(one.kept.size)}{sealed} · {_cause(one)}{goes}"),
        f"{proof_words(one.proven)}", left, " and ".join(filter(None, (one.kept.file, one.kept.address))),
    )


def _cause(one: Backup) -> str:
    what = f"{len(one.only)} tables " if one.only else ""
    return f"{what}for {one.promotion}" if one.promotion else f"{what}{one.cause}"


def _rhythm(listed: Shelved) -> Mark:
    nightly = f"every night at {listed.schedule}" if listed.schedule else "no nightly one"
    before = {
        "always": "before every promotion", "destructive": "before what destroys or rewrites data",
        "never": "before no promotion",
    }[listed.when]
    return line(f"The policy: {before}, {nightly}.")

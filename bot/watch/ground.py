"""The ground: production's head and catalog as they were left, and what somebody past Stagedoor made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.catalog import Snapshot
from bot.domain.entry import Json
from bot.domain.project import Environment
from bot.domain.reading import Reading
from bot.domain.scene import Change
from bot.domain.values import integer
from bot.errors import StagedoorError
from bot.migrations.catalog.diff import readable
from bot.migrations.catalog.draft import step
from bot.ports import Put, Shelves
from bot.world import Ports

SHELF = "ground"
OURS = frozenset({"apply.attempt", "apply.committed", "apply.failed"})
"""Facts by which every record of ours says that it changes, or may have changed, a database."""

MOVED_ON = 500
"""Entries of the journal after which it is noted how far it was read, though nothing changed."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What came of comparing a reading with the ground: a change that nobody of ours made, and what to keep.

    `ours` says that something of ours went in since the last one, and may be what the reading shows.
    """

    change: Change | None = None
    puts: tuple[Put, ...] = ()
    ours: bool = False


def busy(shelves: Shelves, project: str) -> bool:
    """Whether a record of ours is changing this project's production now."""
    return any(
        key.startswith(f"{project}:") and key != f"{project}:staging" for key in shelves.all("hold")
    )


def mark(ports: Ports) -> int:
    """The journal's last entry as of now; taken before a reading, so that commits during it are noticed."""
    last = 0
    for kept in ports.shelves.all(SHELF).values():
        last = max(last, integer(kept.get("seq")))
    for entry in ports.journal.entries(since=last):
        last = entry.seq
    return last


def compare(ports: Ports, project: str, reading: Reading, upto: int) -> Look:
    """Compare a reading with the ground. Call it only while nothing of ours changes production.

    `upto` is the journal's last entry from before the reading. Where something of ours went in since then, nobody can
    say whether the reading shows it, and the next one is waited for.
    """
    kept = ports.shelves.get(SHELF, project)
    since = integer(kept.get("seq")) if kept else 0
    ours = _ours(ports, project, since if kept else upto)
    if reading.unread.keys() & {"history", "catalog"} or any(seq > upto for seq in ours):
        return Look(ours=bool(ours))
    if kept is not None and [*reading.ground] == kept.get("ground"):
        moved = ours or upto - since > MOVED_ON
        return Look(puts=(_put(project, {**kept, "seq": upto}),) if moved else (), ours=bool(ours))
    try:
        now, unread = ports.projects[project].databases[Environment.PRODUCTION].catalog(), ""
    except StagedoorError as trouble:
        now, unread = None, str(trouble)
    rows = _versions(ports, project)
    doc: dict[str, Json] = {
        "ground": [*reading.ground], "at": reading.at.isoformat(), "seq": upto,
        "catalog": ports.shelves.keep(now.encoded()) if now else "", "versions": list[Json](rows or []),
    }
    put = _put(project, doc)
    if kept is None or ours:
        return Look(puts=(put,), ours=bool(ours))
    change = _change(ports, kept, reading, now, rows)
    return Look(change=replace(change, unread=unread) if change else None, puts=(put,))


def _change(
    ports: Ports, kept: Mapping[str, Json], reading: Reading, now: Snapshot | None, rows: list[str] | None,
) -> Change | None:
    """None where the marks moved and nothing that people could see did."""
    known = ports.shelves.fetch(str(kept["catalog"])) if kept.get("catalog") else b""
    before = Snapshot.decoded(known) if known else None
    difference = readable(before, now) if before and now else ""
    listed = kept.get("versions")
    versions = [str(each) for each in listed] if isinstance(listed, list) else []
    added = tuple(sorted(set(rows or versions) - set(versions)))
    removed = tuple(sorted(set(versions) - set(rows if rows is not None else versions)))
    if not (difference or added or removed):
        return None
    return Change(
        at=reading.at, since=datetime.fromisoformat(str(kept["at"])), head_before=versions[-1] if versions else None,
        head=reading.head, difference=difference, added=added, removed=removed,
        sql=_draft(before, now) if difference and before and now else "",
    )


def _draft(before: Snapshot, now: Snapshot) -> str:
    """A migration that makes of the former catalog what is there now, as far as one step tells."""
    said = step(before, now)
    return "\n".join([*(f"{each.rstrip(';')};" for each in said.statements), *(f"-- {each}" for each in said.unable)])


def _ours(ports: Ports, project: str, since: int) -> list[int]:
    """The entries after this one by which records of ours changed this project's production."""
    found = list[int]()
    for entry in ports.journal.entries(since=since):
        if entry.kind in OURS:
            record = ports.journal.load(entry.about)
            if record and record.project == project and record.kind != "staging":
                found.append(entry.seq)
    return found


def _versions(ports: Ports, project: str) -> list[str] | None:
    try:
        return [row.version for row in ports.projects[project].databases[Environment.PRODUCTION].history()]
    except StagedoorError:
        return None


def _put(project: str, doc: Mapping[str, Json]) -> Put:
    return Put(shelf=SHELF, key=project, doc=doc)

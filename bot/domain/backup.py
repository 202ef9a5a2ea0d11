"""Backups: what was dumped, how it was proven, where it lies, and for which promotion."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.entry import Entry, Fact, Json, Opening
from bot.domain.values import integer, texts

KIND, SERIES, FIRST_STAGE = "backup", "BK", "dump"
NIGHTLY = "nightly"
ASKED = "asked for"
PROMOTION = "promotion"
WAIVED = "waived"
"""How a dump was proven when somebody took it on that it was not."""


@dataclass(frozen=True, kw_only=True)
class Dumped:
    """A dump as pg_dump wrote it, not proven yet. `rows` is the hash of the counts by table, as JSON in the blobs."""

    size: int
    sha256: str
    seconds: float
    tables: int
    rows: str
    server: str
    unfinished: str = ""
    left_out: tuple[str, ...] = ()
    """Tables that the login may not read."""


@dataclass(frozen=True, kw_only=True)
class Proven:
    """How a dump was proven (`read` or `restore`), and how many rows were compared."""

    how: str
    tables: int
    rows: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where a proven dump lies; `file` is empty where only the bucket has it, `address` where only the disk has."""

    file: str
    address: str
    size: int
    sha256: str
    encrypted_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One dump of production, folded from its entries. `cause` is `promotion`, `nightly` or `asked for`."""

    id: str
    project: str
    cause: str
    asked_by: str
    asked_at: datetime
    promotion: str = ""
    proof: str = "read"
    only: tuple[tuple[str, str], ...] = ()
    """The tables that it is limited to; none: all of it."""
    dumped: Dumped | None = None
    proven: Proven | None = None
    kept: Kept | None = None
    removed_at: datetime | None = None
    verdict: str = ""
    why: str = ""

    @property
    def good(self) -> bool:
        """Whether it holds what it was taken for: proven, kept and not removed."""
        return self.verdict == "done" and self.kept is not None and self.removed_at is None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Backup:
        """Fold entries, oldest first. Raises ValueError when they do not begin with the request."""
        rest = iter(entries)
        first = next(rest, None)
        if first is None or first.kind != "backup.asked":
            raise ValueError("a backup without a request")
        backup = cls(
            id=first.about, project=str(first.data["project"]), cause=str(first.data["cause"]), asked_by=first.actor,
            asked_at=first.at, promotion=str(first.data["promotion"]), proof=str(first.data["proof"]),
            only=_pairs(first.data["only"]),
        )
        for entry in rest:
            if fold := _FOLDS.get(entry.kind):
                backup = fold(backup, entry)
        return backup

    @property
    def seconds(self) -> float:
        """How long taking and proving it took."""
        return (self.dumped.seconds if self.dumped else 0.0) + (self.proven.seconds if self.proven else 0.0)

    @property
    def summary(self) -> str:
        """`42.1 MB, proven by reading it whole: 12 tables, 80,113 rows`."""
        if self.kept is None or self.proven is None:
            return self.why or "not finished"
        sealed = ", encrypted" if self.kept.encrypted_to else ""
        return f"{megabytes(self.kept.size)}{sealed}, {proof_words(self.proven)}"


def asked(record: str, *, project: str, by: str, cause: str, promotion: str = "", proof: str,
          only: Iterable[tuple[str, str]] = ()) -> Fact:
    """The fact that opens a backup's record."""
    return Fact(
        about=record, kind="backup.asked", actor=by, opens=Opening(kind=KIND, project=project, stage=FIRST_STAGE),
        data={
            "project": project, "cause": cause, "promotion": promotion, "proof": proof,
            "only": [list(table) for table in only],
        },
    )


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a promotion knows of its backup. `at` is None until it is proven; `failed` says why it could not be."""

    id: str
    said: str = ""
    at: datetime | None = None
    failed: str = ""

    @property
    def done(self) -> bool:
        return self.at is not None


@dataclass(frozen=True, kw_only=True)
class OfPlatform:
    """What the platform itself keeps: dailies that are complete or failed, and the window of point-in-time recovery."""

    point_in_time: bool = False
    earliest: datetime | None = None
    latest: datetime | None = None
    completed: tuple[datetime, ...] = ()
    failed: tuple[datetime, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """The backups of a project: the good ones, newest first, those under way, the last failure, and what goes next."""

    project: str
    good: tuple[Backup, ...]
    running: tuple[Backup, ...]
    failed: Backup | None
    going: tuple[str, ...]
    schedule: str
    when: str
    platform: OfPlatform | None = None
    silent: str = ""
    """Why the platform could not be asked; it is not asked where it is not configured."""


@dataclass(frozen=True, kw_only=True)
class Backing:
    """Why a plan needs a backup, and with what it would be taken now, or what is in the way (`known`: for sure)."""

    why: str
    said: str = ""
    trouble: str = ""
    known: bool = True


def held(before: Held | None, entry: Entry) -> Held | None:
    """A promotion's backup after one of its own entries about it."""
    id = str(entry.data["backup"])
    if entry.kind == "backup.begun":
        return Held(id=id)
    if before is None or before.id != id:
        return before
    if entry.kind == "backup.held":
        return replace(before, said=str(entry.data["said"]), at=datetime.fromisoformat(str(entry.data["at"])))
    return replace(before, failed=str(entry.data["why"]))


HELD_KINDS = ("backup.begun", "backup.held", "backup.lacks")


def proof_words(proven: Proven) -> str:
    """How it was proven, and by how much."""
    if proven.how == WAIVED:
        return "not proven: an approver waived that for an emergency"
    how = "restoring it into a scratch database" if proven.how == "restore" else "reading it whole"
    tables = f"{proven.tables:,} table{'' if proven.tables == 1 else 's'}"
    return f"proven by {how}: {tables}, {rows_words(proven.rows)}"


def rows_words(count: int) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def plain(name: str) -> str:
    """A name that can be a file's."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_"


def megabytes(size: int) -> str:
    """A size as people read it."""
    if size < 100_000:
        return f"{size / 1000:.1f} kB"
    return f"{size / 1_000_000:.1f} MB" if size < 10_000_000_000 else f"{size / 1_000_000_000:.1f} GB"


def _dumped(b: Backup, e: Entry) -> Backup:
    data = e.data
    return replace(b, proven=None, kept=None, dumped=Dumped(
        size=integer(data["size"]), sha256=str(data["sha256"]), seconds=_float(data["seconds"]),
        tables=integer(data["tables"]), rows=str(data["rows"]), server=str(data["server"]),
        left_out=texts(data["left_out"]), unfinished=str(data["unfinished"]),
    ))


def _proven(b: Backup, e: Entry) -> Backup:
    return replace(b, proven=Proven(
        how=str(e.data["how"]), tables=integer(e.data["tables"]), rows=integer(e.data["rows"]),
        seconds=_float(e.data["seconds"]),
    ))


def _kept(b: Backup, e: Entry) -> Backup:
    return replace(b, kept=Kept(
        file=str(e.data["file"]), address=str(e.data["address"]), size=integer(e.data["size"]),
        sha256=str(e.data["sha256"]), encrypted_to=str(e.data["encrypted_to"]),
    ))


def _lost(b: Backup, e: Entry) -> Backup:
    return replace(b, dumped=None, proven=None, kept=None)


def _removed(b: Backup, e: Entry) -> Backup:
    return replace(b, removed_at=e.at)


def _ended(b: Backup, e: Entry) -> Backup:
    return replace(b, verdict=str(e.data["verdict"]), why=str(e.data.get("why", "")))


def _pairs(value: Json) -> tuple[tuple[str, str], ...]:
    items = value if isinstance(value, list) else []
    return tuple((str(item[0]), str(item[1])) for item in items if isinstance(item, list))


def _float(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


_FOLDS = {
    "backup.dumped": _dumped, "backup.proven": _proven, "backup.kept": _kept, "backup.lost": _lost,
    "backup.removed": _removed, "walk.ended": _ended,
}

"""`stagedoor journal copy`: a whole store moved into a new one, entry by entry with the hashes it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing

from bot.adapters.moving import TABLES, Filling, Movable, Row
from bot.adapters.store_lock import StoreLock
from bot.domain.entry import Audit, audit
from bot.errors import Refused, Unknown
from bot.ports import Clock
from bot.scrub import Scrubber
from bot.stores import Place, Store


def copy(source: Place, target: Place, clock: Clock, say: Callable[[str], None]) -> Audit:
    """Copy everything in one transaction of the target; returns what the audit of the target says.

    Raises `Refused` for a source that is served or broken and for a target that is served or holds anything,
    `Unknown` for no source. Whatever it raises, the source is as it was and the target empty.
    """
    if not source.exists():
        raise Unknown(f"There is no journal in {source.name}: nothing was copied.")
    with source.lock() as one, target.lock() as other:
        _take(one, source)
        _take(other, target)
        # What is in the source was scrubbed on its way in; a row that is moved stays as it is.
        with closing(source.open(clock, Scrubber(()))) as old, closing(target.open(clock, Scrubber(()))) as new:
            if not new.empty():
                raise Refused(f"Something is in {target.name} already. Name a new one: stores are never merged.")
            before = _whole(old, source)
            with new.filling() as filling:
                for table in TABLES:
                    say(f"{table:<10} {_moved(old, filling, table):>9,}")
            return _same(before, audit(new.entries(), against=before.head))


def _take(lock: StoreLock, place: Place) -> None:
    if not lock.try_acquire():
        who = lock.holder()
        raise Refused(f"A process serves {place.name}{f' ({who})' if who else ''}: stop it, then copy.")


def _whole(old: Store, source: Place) -> Audit:
    found = audit(old.entries())
    if found.broken_at is not None:
        where = f"The chain in {source.name} is broken at entry {found.broken_at}"
        raise Refused(f"{where}: {found.why}. Nothing was copied.")
    return found


def _moved(old: Movable, filling: Filling, table: str) -> int:
    """Move one table and read it back; returns how many rows it has."""
    given = _Sum()
    filling.add(table, given.passing(old.rows(table)))
    kept = _Sum()
    for _ in kept.passing(filling.rows(table)):
        pass
    if (kept.rows, kept.digest()) != (given.rows, given.digest()):
        raise Refused(f"{table.capitalize()} read back differ from what was put in. Nothing was copied.")
    return kept.rows


def _same(before: Audit, after: Audit) -> Audit:
    if before != after:
        why = f" at entry {after.broken_at}: {after.why}" if after.broken_at else ""
        raise Refused(f"The copy differs from its source{why}. Do not use it; please report this.")
    return after


class _Sum:
    """Counts and sums up the rows that pass."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, hashlib.sha256()

    def passing(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            plain = [value.hex() if isinstance(value, bytes) else value for value in row]
            self._sum.update(json.dumps(plain, separators=(",", ":")).encode() + b"\n")
            self.rows += 1
            yield row

    def digest(self) -> str:
        return self._sum.hexdigest()

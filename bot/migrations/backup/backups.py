"""The port `Backups` for one project: pg_dump, the folder of its dumps, and what proves them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.backup import Kept, Proven, megabytes
from bot.errors import Refused
from bot.migrations.backup import scratch
from bot.migrations.backup.bucket import Bucket
from bot.migrations.backup.dumping import dump
from bot.migrations.backup.folder import Folder
from bot.migrations.backup.programs import Program, newest, unfit
from bot.migrations.backup.reading import differences, rows_of
from bot.migrations.backup.sealing import SUFFIX, hash_of, recipient, sealed_copy
from bot.migrations.backup.snapshot import Table
from bot.migrations.session import connect
from bot.ports import Dump, Reporting

FEW = 3


@dataclass(frozen=True, kw_only=True)
class PgBackups:
    """Dumps of the database at `url`, below `directory`; `pg_dump` names the program, else the newest is taken."""

    url: str = field(repr=False)
    directory: Path
    pg_dump: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    name: str = "production"
    encrypt_to: str = ""
    """An age recipient; what is kept can then be read with its identity alone, which is not here."""
    bucket: Bucket | None = None
    local: bool = True
    """Whether the folder keeps the dumps; without that they lie there until the bucket has them."""
    lock_wait: float = 10.0
    """Seconds that a dump waits for a table that somebody has locked: it must not queue up behind a change."""

    @property
    def folder(self) -> Folder:
        return Folder(self.directory)

    def ready(self, proof: str) -> str:
        """What a backup would be taken with. Raises `Refused` with what is missing, and `Unreachable`."""
        program = self._program()
        with connect(self.url, self.name, "stagedoor") as connection:
            major = connection.info.server_version // 10_000
        if trouble := unfit(program, major):
            raise Refused(trouble)
        assert program is not None
        if proof == "restore":
            scratch.require(program)
        self.folder.ready()
        if self.encrypt_to:
            recipient(self.encrypt_to)
        if self.bucket:
            self.bucket.ready()
        return f"{program.short}, {megabytes(self.folder.free())} free where backups are kept"

    def dump(self, id: str, only: Sequence[Table], reporting: Reporting) -> Dump:
        """Write a dump that does not count yet; whatever an earlier try left is taken away first."""
        program = self._program()
        if program is None:
            raise Refused(unfit(None, 1))
        self.folder.ready()
        self.folder.clear(id)
        path = self.folder.new(id)
        written = dump(
            self.url, self.name, program, path, application=f"stagedoor:{id}", only=only,
            lock_wait=self.lock_wait,
            progress=lambda size, of: reporting.progress({"bytes": size, "tables_bytes": of}),
            stopping=reporting.stopping,
        )
        return Dump(
            unfinished=path.name, size=written.size, sha256=written.sha256, seconds=written.seconds,
            server=written.server, rows=_encoded(written.rows), tables=len(written.rows),
            left_out=tuple(map(".".join, written.left_out)),
        )

    def prove(self, given: Dump, how: str, reporting: Reporting) -> Proven:
        """Read the dump whole and compare. Raises `Refused` with what does not fit, `Unreachable` when stopped."""
        begun, path, expected = time.monotonic(), self.folder.unfinished(given.unfinished), _decoded(given.rows)
        program = self._program()
        pg_restore = program.beside("pg_restore") if program else ""
        if not pg_restore:
            raise Refused("pg_restore is gone from beside pg_dump")
        found, sha256 = rows_of(
            pg_restore, path, progress=lambda fed: reporting.progress({"read": fed, "of": given.size}),
            stopping=reporting.stopping,
        )
        if sha256 == given.sha256 and how == "restore":
            assert program is not None
            found = scratch.rows_restored(program, path, expected, reporting.stopping)
        if sha256 != given.sha256:
            raise Refused("the file on the disk is not what pg_dump wrote: its SHA-256 differs")
        wrong = differences(expected, found)
        if wrong:
            more = f", and {len(wrong) - FEW} more" if len(wrong) > FEW else ""
            raise Refused(f"it does not hold what its snapshot has: {', '.join(wrong[:FEW])}{more}")
        return Proven(
            how=how, tables=len(expected), rows=sum(expected.values()), seconds=time.monotonic() - begun,
        )

    def keep(self, given: Dump, name: str) -> Kept:
        """Let a proven dump count, under `name`: encrypted, in the folder, in the bucket. Safe to repeat."""
        name += SUFFIX if self.encrypt_to else ""
        final = self.folder.path / name
        if self.bucket and not self.local and not final.exists() and (there := self.bucket.found(name)):
            # It was stored and taken from the folder, and Stagedoor died before that was noted.
            return replace(there, encrypted_to=self.encrypt_to)
        if not final.exists():
            unfinished = self.folder.unfinished(given.unfinished)
            sealed = sealed_copy(unfinished, self.encrypt_to) if self.encrypt_to else unfinished
            self.folder.finish(sealed, name)
            if sealed is not unfinished:
                unfinished.unlink(missing_ok=True)
        sha256, size = hash_of(final) if self.encrypt_to else given.sha256, final.stat().st_size
        address = self.bucket.store(final, name, sha256) if self.bucket else ""
        if self.bucket and not self.local:
            final.unlink()
        return Kept(
            file=str(final) if self.local or not self.bucket else "", address=address, size=size, sha256=sha256,
            encrypted_to=self.encrypt_to,
        )

    def missing(self, kept: Kept) -> str:
        """Why a dump that was kept cannot be used now: somebody took it away, or the disk went with its machine."""
        if kept.file and (here := self.folder.path / Path(kept.file).name).is_file():
            return "" if here.stat().st_size == kept.size else f"{here} has another size by now"
        if kept.address and self.bucket:
            return "" if self.bucket.found(Path(kept.address).name) else f"{kept.address} is gone"
        return f"{kept.file or kept.address} is gone"

    def discard(self, id: str) -> None:
        """Take away whatever of a backup does not count."""
        self.folder.clear(id)

    def remove(self, kept: Kept) -> None:
        """Take a kept dump away for good."""
        if kept.file:
            self.folder.remove(kept.file)
        if kept.address and self.bucket:
            self.bucket.remove(kept.address)

    def _program(self) -> Program | None:
        return newest(self.pg_dump, self.environ)


def _encoded(rows: Mapping[Table, int]) -> bytes:
    return json.dumps([[*table, count] for table, count in sorted(rows.items())], ensure_ascii=False).encode()


def _decoded(content: bytes) -> dict[Table, int]:
    return {(schema, name): count for schema, name, count in json.loads(content)}

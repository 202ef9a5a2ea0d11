"""Taking one dump: pg_dump reads a snapshot through a pipe into a file, while the snapshot's rows are counted."""

from __future__ import annotations

import hashlib
import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from bot.errors import Interrupted, Refused, StagedoorError
from bot.migrations.backup.process import CHUNK, Running, libpq_environment
from bot.migrations.backup.programs import Program, unfit
from bot.migrations.backup.snapshot import Scene, Snapshot, Table, locked

LOOK = 0.2
"""How often, in seconds, it is asked whether to stop while pg_dump says nothing."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A dump in its file, not proven yet; `rows` are those of the same snapshot."""

    size: int
    sha256: str
    seconds: float
    rows: Mapping[Table, int]
    server: str
    left_out: tuple[Table, ...]


def dump(
    url: str, name: str, program: Program, path: Path, *, application: str, only: Sequence[Table], lock_wait: float,
    progress: Callable[[int, int], None], stopping: Callable[[], bool],
) -> Written:
    """Write the dump to `path`, which must not exist; whatever goes wrong, the file is gone afterwards.

    pg_dump writes into our pipe, so that it dies with us. Raises `Refused` with what went wrong, `Unreachable` for
    what may pass, and `Interrupted` when asked to stop.
    """
    begun = time.monotonic()
    try:
        with closing(Snapshot(url, name, application, lock_wait, tuple(only))) as snapshot:
            scene = snapshot.scene
            if trouble := unfit(program, scene.major):
                raise Refused(trouble)
            counting = _Counting(snapshot)
            dumping = command(program, scene, only, lock_wait)
            with Running(dumping, environment=libpq_environment(url, application)) as running:
                counting.start()
                try:
                    size, digest = _taken(running, path, lambda size: progress(size, scene.size), stopping, counting)
                except Refused as refused:
                    if "LOCK TABLE" in str(refused) and "timeout" in str(refused):
                        raise locked(name, lock_wait) from None
                    raise
                finally:
                    counting.join(running)
            return Written(
                size=size, sha256=digest, seconds=time.monotonic() - begun, rows=counting.result(),
                server=scene.server, left_out=scene.unreadable,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def command(program: Program, scene: Scene, only: Sequence[Table], lock_wait: float) -> list[str]:
    """pg_dump for this snapshot, without the tables that it may not read; the archive goes to its standard output."""
    return [
        program.path, "--format=custom", "--compress=1", f"--snapshot={scene.id}",
        f"--lock-wait-timeout={round(lock_wait * 1000)}",
        "--no-password", *([f"--role={scene.becomes}"] if scene.becomes else []),
        *(f"--exclude-table={_pattern(table)}" for table in scene.unreadable),
        *(f"--table={_pattern(table)}" for table in only),
    ]


def _pattern(table: Table) -> str:
    """A table as pg_dump's pattern that means just this one."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in table)


def _taken(
    running: Running, path: Path, progress: Callable[[int], None], stopping: Callable[[], bool], counting: _Counting,
) -> tuple[int, str]:
    """Size and SHA-256 of what was written, flushed to the disk."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        while True:
            if stopping():
                raise Interrupted("Stagedoor was asked to stop")
            if counting.trouble:
                raise counting.trouble
            ready, _, _ = select.select([running.output], [], [], LOOK)
            if not ready:
                continue
            chunk = os.read(running.output.fileno(), CHUNK)
            if not chunk:
                break
            _written(file.write, chunk, size)
            digest.update(chunk)
            size += len(chunk)
            progress(size)
        if trouble := running.trouble():
            raise Refused(trouble)
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise Refused(f"the disk of BACKUP_DIR failed: {os.strerror(error.errno or 0)}") from None
    return size, digest.hexdigest()


def _written(write: Callable[[bytes], int | None], chunk: bytes, before: int) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[write(rest) or 0:]  # type: ignore[arg-type]  # a view of bytes will do
    except OSError as error:
        raise Refused(
            f"the disk of BACKUP_DIR took no more after {before / 1_000_000:.1f} MB "
            f"({os.strerror(error.errno or 0)})"
        ) from None


class _Counting:
    """Counts the rows of every table in the snapshot, beside the dump."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._rows: dict[Table, int] = {}
        self._over = False
        self.trouble: StagedoorError | None = None
        self._thread = Thread(target=self._count, name="backup-counts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, running: Running) -> None:
        """Wait for the counts of a dump that went well; end them at once for one that did not."""
        if running.ended_well:
            self._thread.join()
            return
        self._over = True
        self._snapshot.close()
        self._thread.join()

    def result(self) -> Mapping[Table, int]:
        if self.trouble:
            raise self.trouble
        return self._rows

    def _count(self) -> None:
        try:
            for table in self._snapshot.scene.tables:
                if self._over:
                    return
                self._rows[table] = self._snapshot.count(table)
        except StagedoorError as trouble:
            self.trouble = None if self._over else trouble
        except Exception as fault:      # a thread that dies silently would leave tables uncounted
            self.trouble = None if self._over else Refused(f"its rows could not be counted ({type(fault).__name__})")

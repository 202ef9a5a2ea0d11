"""Proof by reading: an archive is read to its end by pg_restore, and the rows of each table are counted."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import IO

from bot.errors import Interrupted, Refused
from bot.migrations.backup.process import CHUNK, Running
from bot.migrations.backup.snapshot import Table

_PART = rb'(?:"(?:[^"]|"")+"|[a-z_\x80-\xff][a-z0-9_$\x80-\xff]*)'
_COPY = re.compile(
    rb'(?:\A|\n)COPY (' + _PART + rb'(?:\.' + _PART + rb')?)\s+(?:\((?:"(?:[^"]|"")*"|[^"()])*\)\s+)?FROM stdin;\n',
)
_NAME = re.compile(_PART)
_LONGEST = 1 << 20
"""Bytes of the longest head of a COPY that is waited for: 1,600 columns of 63 bytes fit many times."""


def rows_of(
    pg_restore: str, path: Path, *, progress: Callable[[int], None], stopping: Callable[[], bool],
) -> tuple[dict[Table, int], str]:
    """Rows by table and the SHA-256 of the file as it lies on the disk. Raises `Refused` for what cannot be read."""
    digest, feeding = hashlib.sha256(), _Feeding()
    with path.open("rb") as file, Running(
        [pg_restore, "--data-only", "--file=-"], stdin=subprocess.PIPE,
    ) as running:
        feeder = Thread(target=feeding.feed, args=(file, running.input, digest.update), daemon=True)
        feeder.start()
        counts: dict[Table, int] = {}
        for table, rows in _counted(_chunks(running.output, feeding, progress, stopping)):
            counts[table] = counts.get(table, 0) + rows
        if trouble := running.trouble():
            raise Refused(f"it could not be read to its end. {trouble}")
        feeder.join()
    return counts, digest.hexdigest()


def differences(expected: Mapping[Table, int], found: Mapping[Table, int]) -> list[str]:
    """Where a dump does not hold the rows that its snapshot has."""
    wrong = []
    for table, rows in expected.items():
        has = found.get(table)
        if has != rows:
            name = ".".join(table)
            wrong.append(f"{name} is not in it" if has is None else f"{name} has {has:,} rows in it, not {rows:,}")
    return wrong


class _Feeding:
    """Feeds a file to a program and to a hash. The program may stop listening once it has what it wants."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self, file: IO[bytes], into: IO[bytes], seen: Callable[[bytes], object]) -> None:
        listens = True
        while chunk := file.read(CHUNK):
            seen(chunk)
            self.fed += len(chunk)
            if listens:
                try:
                    into.write(chunk)
                except BrokenPipeError:
                    listens = False
        try:
            into.close()
        except BrokenPipeError:
            return


def _chunks(
    output: IO[bytes], feeding: _Feeding, progress: Callable[[int], None], stopping: Callable[[], bool],
) -> Iterator[bytes]:
    while chunk := output.read1(CHUNK):  # type: ignore[attr-defined]  # a pipe of ours is buffered
        if stopping():
            raise Interrupted("Stagedoor was asked to stop")
        progress(feeding.fed)
        yield chunk


def _counted(chunks: Iterator[bytes]) -> Iterator[tuple[Table, int]]:
    """Each table's rows, in the order of the archive. Data lines are never mistaken for words of pg_restore's own.

    Between the tables stand only comments, settings, `setval` and large objects; inside COPY a line is a row until
    the one that is `\\.` alone, which no row can be.
    """
    buffer, table, rows = b"", None, 0
    for chunk in chunks:
        buffer += chunk
        while True:
            if table is None:
                found = _COPY.search(buffer)
                if found is None:
                    buffer = _tail(buffer)
                    break
                table, rows, buffer = _named(found[1]), 0, b"\n" + buffer[found.end():]
            end = buffer.find(b"\n\\.\n")
            last = end if end >= 0 else max(buffer.rfind(b"\n"), 0)
            rows += buffer.count(b"\n", 1, last + 1)
            if end < 0:
                buffer = buffer[last:]
                break
            yield table, rows
            table, buffer = None, buffer[end + 3:]
    if table is not None:
        raise Refused(f"it ends in the middle of {'.'.join(table)}")


def _tail(buffer: bytes) -> bytes:
    """What may be the beginning of a COPY whose end has not come yet."""
    place = buffer.rfind(b"\nCOPY ")
    if place >= 0 and len(buffer) - place < _LONGEST:
        return buffer[place:]
    return buffer[max(buffer.rfind(b"\n"), 0):]


def _named(text: bytes) -> Table:
    parts = [
        part[1:-1].replace(b'""', b'"').decode() if part.startswith(b'"') else part.decode()
        for part in _NAME.findall(text)
    ]
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])

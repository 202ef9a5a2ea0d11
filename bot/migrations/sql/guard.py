"""Asks the guarded process about files, and lives on whatever becomes of it."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from bot.migrations.sql.rule import Analysis
from bot.migrations.sql.wire import read

PATIENCE = 20.0
"""Seconds that one file may take."""

MANY = 50
"""For so many files a process of their own pays for its start."""

MOST = 4
"""Processes at once; each may take a gigabyte before it is ended."""

DEATHS = 8
"""After so many files that killed the process, the rest of the batch is given up: somebody plays with it."""


def ask(files: Sequence[tuple[str, bytes]]) -> list[Analysis | None]:
    """For each file what the process says of it, in order; None where it could not. A process a core shares many."""
    hands = max(1, min(os.cpu_count() or 1, len(files) // MANY, MOST))
    found: list[Analysis | None] = [None] * len(files)
    with ThreadPoolExecutor(hands) as pool:
        for first, said in enumerate(pool.map(lambda first: list(_asked(files[first::hands])), range(hands))):
            found[first::hands] = said
    return found


def _asked(files: Sequence[tuple[str, bytes]]) -> Iterator[Analysis | None]:
    rest, deaths = list(files), 0
    while rest:
        answered = 0
        for said in _answers(rest):
            answered += 1
            yield said
        rest = rest[answered:]
        if rest:
            deaths += 1
            yield None
            rest = rest[1:]
        if deaths >= DEATHS:
            yield from (None for _ in rest)
            return


def _answers(files: Sequence[tuple[str, bytes]]) -> Iterator[Analysis | None]:
    """The answers of one process, until the last or until it dies, falls silent or talks nonsense."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bot.migrations.sql.worker"], cwd="/", env=_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asking = threading.Thread(target=_send, args=(process.stdin, files), daemon=True)
    asking.start()
    try:
        for line in _lines(process.stdout, len(files)):
            yield read(line)
    except (TimeoutError, ValueError):
        pass
    finally:
        process.kill()
        process.wait()
        asking.join()
        process.stdout.close()


def _send(pipe: IO[bytes], files: Sequence[tuple[str, bytes]]) -> None:
    try:
        with pipe:
            for name, raw in files:
                pipe.write(f"{len(raw)} {' '.join(name.splitlines())}\n".encode() + raw)
    except OSError:
        return


def _lines(pipe: IO[bytes], count: int) -> Iterator[bytes]:
    """As many lines as were asked for; fewer when the pipe ends. Raises `TimeoutError`."""
    held = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        deadline = time.monotonic() + PATIENCE
        while count:
            if not selector.select(deadline - time.monotonic()):
                raise TimeoutError
            chunk = os.read(pipe.fileno(), 1 << 20)
            if not chunk:
                return
            *whole, held = (held + chunk).split(b"\n")
            for line in whole:
                count -= 1
                deadline = time.monotonic() + PATIENCE
                yield line


def _environment() -> dict[str, str]:
    """Where Python finds its modules and nothing else: no secret of the bot's goes along."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": ""}

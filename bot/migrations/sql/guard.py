"""Asks the guarded process about files, and lives on whatever becomes of it."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
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


File = tuple[str, bytes]
Given = deque[tuple[int, File]]
"""Files with their numbers: those that wait for a process, or for one's answer."""


def ask(files: Sequence[File]) -> list[Analysis | None]:
    """For each file what the process says of it, in order; None where it could not.

    Many files are shared by a process a core: whichever is through with some takes the next.
    """
    found: list[Analysis | None] = [None] * len(files)
    waiting: Given = deque(enumerate(files))

    def work() -> None:
        for number, said in _worked(waiting):
            found[number] = said

    hands = max(1, min(os.cpu_count() or 1, len(files) // MANY, MOST))
    with ThreadPoolExecutor(hands) as pool:
        for done in [pool.submit(work) for _ in range(hands)]:
            done.result()
    return found


def _worked(waiting: Given) -> Iterator[tuple[int, Analysis | None]]:
    """The answers to the files that one process after the other takes, until none waits."""
    given: Given = deque()
    deaths = 0
    while given or waiting:
        for said in _answers(given, waiting):
            if given:    # nobody asked for more
                yield given.popleft()[0], said
        if given:
            given.popleft()
            deaths += 1
        if deaths >= DEATHS:
            waiting.clear()
            return


def _answers(given: Given, waiting: Given) -> Iterator[Analysis | None]:
    """The answers of one process, until the last or until it dies, falls silent or talks nonsense."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bot.migrations.sql.worker"], cwd="/", env=_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asking = threading.Thread(target=_send, args=(process.stdin, given, waiting), daemon=True)
    asking.start()
    try:
        for line in _lines(process.stdout):
            yield read(line)
    except (TimeoutError, ValueError):
        pass
    finally:
        process.kill()
        process.wait()
        asking.join()
        process.stdout.close()


def _send(pipe: IO[bytes], given: Given, waiting: Given) -> None:
    """Writes what an earlier process left unanswered, and then what waits, as fast as the process reads."""
    try:
        with pipe:
            for _, file in tuple(given):
                pipe.write(_request(*file))
            while True:
                given.append(waiting.popleft())
                pipe.write(_request(*given[-1][1]))
    except (IndexError, OSError):
        return


def _request(name: str, raw: bytes) -> bytes:
    return f"{len(raw)} {' '.join(name.splitlines())}\n".encode() + raw


def _lines(pipe: IO[bytes]) -> Iterator[bytes]:
    """Line by line until the pipe ends. Raises `TimeoutError`."""
    held: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        deadline = time.monotonic() + PATIENCE
        while selector.select(deadline - time.monotonic()):
            chunk = os.read(pipe.fileno(), 1 << 16)    # as much as a pipe holds
            if not chunk:
                return
            first, *others = chunk.split(b"\n")
            held.append(first)
            if others:
                yield b"".join(held)
                yield from others[:-1]
                held = others[-1:]
                deadline = time.monotonic() + PATIENCE
    raise TimeoutError


def _environment() -> dict[str, str]:
    """Where Python finds its modules and nothing else: no secret of the bot's goes along."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": ""}

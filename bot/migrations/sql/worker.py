"""The guarded process: reads files from its standard input, and answers each with a line of JSON.

It bounds its own memory and time, holds no secret, and may die: whoever asked counts that as an answer.
"""

from __future__ import annotations

import contextlib
import gc
import resource
import sys
from typing import BinaryIO

from bot.migrations.lint import CHECKS
from bot.migrations.sql.analyse import Analyst
from bot.migrations.sql.wire import line

MEMORY = 1 << 30
SECONDS = 120


def main(asked: BinaryIO, answers: BinaryIO) -> None:
    """Each request is a line `LENGTH NAME` and so many bytes; each answer one line, in the same order."""
    _bound()
    gc.disable()  # trees have no circles, and looking for some takes a third of the time
    analyst = Analyst(CHECKS)
    while header := asked.readline():
        length, _, name = header.decode().rstrip("\n").partition(" ")
        raw = asked.read(int(length))
        try:
            said = line(analyst.analyse(name, raw))
        except (MemoryError, RecursionError):
            said = line(None)
        answers.write(said)
        answers.flush()


def _bound() -> None:
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)

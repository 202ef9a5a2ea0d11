"""Squawk as a subprocess, with our own configuration and without its traps.

Its lines count from 0, it exits 1 for findings and faults alike, one bad file makes it mute for all of a call, it looks
for a configuration upward from where it stands, and it obeys comments that switch it off: it reads copies of the files,
with those comments taken out, in a folder of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bot.migrations.sql.squawk_rules import LEFT_OUT, OPT_IN

PATIENCE = 60.0
MEMORY = 2 << 30
AT_ONCE = 400
"""Files of one call."""

_SHARED = "/dev/shm"  # noqa: S108  (what is made there is a folder of its own, by tempfile)
_ROOM = 4

_IGNORE = re.compile(rb"squawk-ignore", re.IGNORECASE)


class Said(NamedTuple):
    """One finding of squawk's; lines count from 1."""

    rule: str
    line: int
    why: str


def listen(files: Sequence[bytes], pg_version: str) -> list[list[Said] | None]:
    """What squawk says of each file; None where it could not be brought to say anything."""
    found: list[list[Said] | None] = []
    for start in range(0, len(files), AT_ONCE):
        found.extend(_some(files[start:start + AT_ONCE], pg_version))
    return found


def _some(files: Sequence[bytes], pg_version: str) -> list[list[Said] | None]:
    """One call; when it fails, halves of it, down to the one file that squawk cannot bear."""
    said = _call(files, pg_version)
    if said is not None:
        return list(said)
    if len(files) == 1:
        return [None]
    half = len(files) // 2
    return [*_some(files[:half], pg_version), *_some(files[half:], pg_version)]


def _call(files: Sequence[bytes], pg_version: str) -> list[list[Said]] | None:
    with tempfile.TemporaryDirectory(prefix="stagedoor-check-", dir=_where(sum(map(len, files)))) as folder:
        place = Path(folder)
        (place / "ours.toml").write_text(
            f"assume_in_transaction = true\nexcluded_rules = {json.dumps(sorted(LEFT_OUT))}\n"
            f"included_rules = {json.dumps(sorted(OPT_IN))}\n"
        )
        names = [f"{number}.sql" for number in range(len(files))]
        for name, raw in zip(names, files, strict=True):
            with open(f"{folder}/{name}", "wb", buffering=0) as copy:
                copy.write(_without_ignores(raw))
        answer = _run([
            program(), "--reporter", "json", "-c", "ours.toml", "--assume-in-transaction", "--pg-version", pg_version,
            *names,
        ], folder)
    return None if answer is None else _sorted(answer, names)


def _where(size: int) -> str | None:
    """Memory, where it has room for so many bytes several times over; otherwise wherever temporary files lie.

    To write a thousand small files to a disk and to take them away again takes a quarter of squawk's own time.
    """
    with contextlib.suppress(OSError):
        if os.access(_SHARED, os.W_OK) and shutil.disk_usage(_SHARED).free > _ROOM * size + (1 << 20):
            return _SHARED
    return None


def _without_ignores(raw: bytes) -> bytes:
    return _IGNORE.sub(b"squawk_ignore", raw) if b"squawk" in raw.lower() else raw


def _run(command: list[str], folder: str) -> Any:
    """What it prints, read as JSON; None when it prints none, whatever its exit status."""
    with subprocess.Popen(
        command, cwd=folder, env={"NO_COLOR": "1"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        if hasattr(resource, "prlimit"):
            with contextlib.suppress(OSError):
                resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            printed, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    try:
        return json.loads(printed)
    except ValueError:
        return None


def _sorted(answer: Any, names: list[str]) -> list[list[Said]]:
    by_name: dict[str, list[Said]] = {name: [] for name in names}
    for item in answer:
        rule, line, why = str(item["rule_name"]), int(item["line"]) + 1, str(item["message"])
        by_name[str(item["file"])].append(Said(rule, line, why))
    return list(by_name.values())


def program() -> str:
    """The squawk that came with this installation, or the one on PATH."""
    beside = Path(sys.executable).parent / "squawk"
    return str(beside) if beside.exists() else shutil.which("squawk") or "squawk"

"""The pg_dump that backups will be taken with: it has to be of the newest server's major version, or newer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.doctor.finding import Finding, Visit, note

WHY = "This release takes no backups; dumping before a destructive migration will need"
PLACES = (
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin", "/usr/local/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
"""Where distributions keep versions that are not on PATH."""


def look(visit: Visit) -> Iterable[Finding]:
    wanted = max(visit.majors.values(), default=0)
    need = f"{WHY} pg_dump {wanted} or newer" if wanted else f"{WHY} one of the server's major version or newer"
    found = sorted({(version, path) for path in _programs(visit) if (version := version_of(path))}, reverse=True)
    if not found:
        yield note("pg_dump", f"there is none here. {need}: install the client of that version, or set PG_DUMP.")
        return
    (major, *_), path = found[0]
    said = f"{path} is version {'.'.join(str(part) for part in found[0][0])}."
    if major < wanted:
        yield note("pg_dump", f"{said} {need}: install it, or set PG_DUMP.")
    else:
        yield note("pg_dump", f"{said} It fits. {need}.")


def version_of(program: str) -> tuple[int, ...]:
    """The version that a pg_dump says it is; empty when it does not say so."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    number = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in number[1].split(".")) if number else ()


def _programs(visit: Visit) -> Iterator[str]:
    if visit.settings.pg_dump:
        yield shutil.which(visit.settings.pg_dump) or visit.settings.pg_dump
        return
    folders = [Path(folder) for folder in visit.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    for pattern in PLACES:
        folders += Path("/").glob(pattern.lstrip("/"))
    for folder in folders:
        if os.access(folder / "pg_dump", os.X_OK):
            yield str(folder / "pg_dump")

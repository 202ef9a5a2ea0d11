"""Which pg_dump is used: the one that is named, otherwise the newest of this machine; and its companions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PLACES = (
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin", "/usr/local/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
"""Where distributions keep versions that are not on PATH."""

GET_IT = "Install the client of that version (Debian: postgresql-client-{major}), or set PG_DUMP to one."


@dataclass(frozen=True, kw_only=True)
class Program:
    """A pg_dump and the version that it says it is."""

    path: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.path} is version {'.'.join(map(str, self.version))}"

    @property
    def short(self) -> str:
        """Without its path, for a card: `pg_dump 17.4`."""
        return f"pg_dump {'.'.join(map(str, self.version))}"

    def beside(self, name: str) -> str:
        """Another program of the same installation, `pg_restore` say; empty where there is none."""
        for folder in (Path(self.path).parent, Path(self.path).resolve().parent):
            if os.access(folder / name, os.X_OK):
                return str(folder / name)
        return ""


def newest(given: str, environ: Mapping[str, str]) -> Program | None:
    """The pg_dump to use: the `given` one alone, or the newest there is; None where none says what it is."""
    found = [Program(path=path, version=version) for path in _paths(given, environ) if (version := version_of(path))]
    return max(found, key=lambda program: program.version, default=None)


def unfit(program: Program | None, major: int) -> str:
    """Why this pg_dump cannot dump a server of that major version, and the mend; nothing where it can."""
    mend = GET_IT.format(major=major)
    if program is None:
        return f"There is no pg_dump here, and it takes version {major} or newer. {mend}"
    if program.version[0] < major:
        return f"{program}, and the server needs pg_dump {major} or newer. {mend}"
    if not program.beside("pg_restore"):
        return f"There is no pg_restore beside {program.path}, so that no dump could be proven. {mend}"
    return ""


def version_of(program: str) -> tuple[int, ...]:
    """The version that a pg_dump says it is; empty when it does not say so."""
    try:
        return _asked(program, os.stat(program).st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=64)
def _asked(program: str, changed: int) -> tuple[int, ...]:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    number = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in number[1].split(".")) if number else ()


def _paths(given: str, environ: Mapping[str, str]) -> Iterator[str]:
    if given:
        yield shutil.which(given) or given
        return
    folders = [Path(folder) for folder in environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    for pattern in PLACES:
        folders += Path("/").glob(pattern.lstrip("/"))
    for folder in folders:
        if os.access(folder / "pg_dump", os.X_OK):
            yield str(folder / "pg_dump")

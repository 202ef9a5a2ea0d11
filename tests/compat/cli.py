"""The real Supabase CLI, as npm installs it; for tests and benchmarks alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "supabase@3"
_QUIET = {"DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1", "SUPABASE_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"}


class NoCli(Exception):
    """There is no CLI to be had here; the words say why."""


class CliFailed(Exception):
    """The CLI said no; its own words."""


@dataclass(frozen=True)
class SupabaseCli:
    """The CLI's program. It is run in a folder whose `supabase/migrations` holds the files."""

    program: Path

    @classmethod
    def installed(cls) -> SupabaseCli:
        """The CLI in a folder for temporary files, fetched by npm the first time. Raises `NoCli`."""
        npm = shutil.which("npm")
        if npm is None:
            raise NoCli("npm is missing, which installs the Supabase CLI")
        home = _own_folder(Path(tempfile.gettempdir()) / f"stagedoor-cli-{os.getuid()}")
        program = home / "node_modules" / ".bin" / "supabase"
        if not program.exists():
            _install(npm, home)
        return cls(program)

    def version(self) -> str:
        return self._run(["--version"], Path.cwd()).stdout.strip()

    def push(self, folder: Path, address: str, *options: str) -> str:
        """`db push`; what it printed, both ways. Raises `CliFailed`."""
        done = self._run(["db", "push", f"--remote={address}", "--yes", "--agent=no", *options], folder)
        return done.stdout + done.stderr

    def migrations(self, folder: Path, address: str) -> list[Mapping[str, Any]]:
        """`migration list`: each version, locally and remotely."""
        done = self._run(["migration", "list", f"--remote={address}", "--output-format=json", "--agent=no"], folder)
        listed: list[Mapping[str, Any]] = json.loads(done.stdout)["migrations"]
        return listed

    def _run(self, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.program.parents[2]), **_QUIET}
        done = subprocess.run(
            [str(self.program), *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=100, check=False,
        )
        if done.returncode:
            raise CliFailed(f"supabase {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done


def _own_folder(path: Path) -> Path:
    """A folder that nobody else can have put a program into."""
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise NoCli(f"{path} belongs to somebody else, so nothing in it is run")
    return path


def _install(npm: str, home: Path) -> None:
    """Into a folder beside it first, so that two test sessions at once never see half a CLI."""
    with tempfile.TemporaryDirectory(dir=home, prefix="new-") as made:
        done = subprocess.run(
            [npm, "install", "--prefix", made, "--no-audit", "--no-fund", "--loglevel=error", PACKAGE],
            capture_output=True, text=True, timeout=300, check=False,
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise NoCli(f"npm could not install {PACKAGE}: {last}")
        with suppress(OSError):  # the other session was first
            (Path(made) / "node_modules").rename(home / "node_modules")

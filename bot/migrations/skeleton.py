"""An empty migration and its way back, with the runbook's header."""

from __future__ import annotations

import getpass
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.errors import Refused

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_VERSION = "%Y%m%d%H%M%S"


def write(name: str, folder: Path) -> tuple[Path, Path]:
    """Write both files and return their paths. Raises `Refused` for a bad name, or where a file cannot be made."""
    if not _NAME.fullmatch(name):
        near = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:100]
        hint = f" For example: stagedoor new {near}" if near else " For example: stagedoor new add_subtitle"
        raise Refused(
            f"A name is made of small letters, digits and underscores, 100 at most, and begins with a letter.{hint}"
        )
    now = datetime.now(UTC)
    version, author = _version(folder, now), _author()
    title = name.replace("_", " ").capitalize()
    header = f"-- Date: {now:%Y-%m-%d}\n-- Author: {author}\n\n"
    migration, rollback = folder / f"{version}_{name}.sql", folder.parent / "rollbacks" / f"{version}_{name}.sql"
    try:
        for path, first in ((migration, f"-- Migration: {title}\n"), (rollback, f"-- Rollback of: {title}\n")):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(first + header)
    except FileExistsError as error:
        raise Refused(f"{error.filename} is there already. Nothing was overwritten.") from None
    except OSError as error:
        raise Refused(f"{error.filename} cannot be written: {error.strerror}.") from None
    return migration, rollback


def _version(folder: Path, now: datetime) -> str:
    """Now, or a second after the newest file where that is later: the new one comes last."""
    taken = [path.name[:14] for path in folder.glob("*.sql") if re.match(r"\d{14}_", path.name)]
    version = now.strftime(_VERSION)
    if not taken or max(taken) < version:
        return version
    try:
        return (datetime.strptime(max(taken), _VERSION).replace(tzinfo=UTC) + timedelta(seconds=1)).strftime(_VERSION)
    except (ValueError, OverflowError):
        raise Refused(f"{max(taken)} is no time that there is, so no version can follow it. Give it another.") from None


def _author() -> str:
    """As git knows the person, else as the machine does; on one line."""
    try:
        told = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, timeout=5, check=False)
        if name := " ".join(told.stdout.split()):
            return name
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"

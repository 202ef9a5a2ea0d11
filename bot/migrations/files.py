"""Reads a folder of migrations by the rules of the Supabase CLI, so that both see the same files in the same order."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from bot.domain.migration import Folder, Migration, Skipped
from bot.errors import Refused, Unreachable
from bot.ports import Added

_NAME = re.compile(r"([0-9]+)_(.*)\.sql", re.DOTALL)
_OLD_INIT = re.compile(r"([0-9]{14})_init\.sql")
_OLD_INIT_BEFORE = "20211209000000"
_PURPOSE_LENGTH = 120
ROLLBACKS = "rollbacks"
"""The folder beside the migrations that holds the ways back; inside theirs the CLI would apply them."""


class FolderMigrations:
    """The migrations of a checkout on this machine's disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Folder:
        """The folder as it is now. Raises `Unreachable` when there is none or a file cannot be read."""
        try:
            found = sorted((entry.name, entry) for entry in self._path.iterdir() if not entry.is_dir())
            files = [(name, b"" if skip_reason(name) else entry.read_bytes()) for name, entry in found]
        except (FileNotFoundError, NotADirectoryError) as error:
            missing = Path(error.filename) if error.filename else self._path
            raise Unreachable(
                f"The migrations folder {self._path} is not complete: {missing.name} is missing. Nothing was touched. "
                "Check MIGRATIONS_DIR and that the checkout is there."
                if missing != self._path else
                f"There is no migrations folder at {self._path}. Nothing was touched. Set MIGRATIONS_DIR to it."
            ) from None
        except OSError as error:
            raise Unreachable(
                f"The migrations folder {self._path} cannot be read: {error.strerror}. Nothing was touched. "
                "Let Stagedoor's user read it."
            ) from None
        return replace(folder(files), rollbacks=self._rollbacks())

    def add(self, filename: str, content: bytes, title: str, said: str) -> Added:
        """Write a new file: whole or not at all, and never over another one."""
        path = self._path / filename
        try:
            if path.exists():
                if path.read_bytes() != content:
                    raise Refused(f"{path} is there already, with other bytes.")
            else:
                with NamedTemporaryFile(dir=self._path, prefix=".stagedoor-", delete=False) as made:
                    made.write(content)
                os.chmod(made.name, 0o644)
                os.replace(made.name, path)
        except OSError as error:
            raise Refused(f"The folder {self._path} cannot be written: {error.strerror}.") from None
        return Added(where=f"{filename} is in {self._path.name}; commit it to the repository")

    def _rollbacks(self) -> tuple[Migration, ...]:
        """The files of the folder `rollbacks` beside this one; a project may have none."""
        beside = self._path.absolute().parent / ROLLBACKS
        try:
            return folder([(path.name, path.read_bytes()) for path in beside.glob("*_*.sql")]).migrations
        except OSError as error:
            raise Unreachable(f"The rollback files in {beside} cannot be read: {error.strerror}.") from None


def folder(files: list[tuple[str, bytes]]) -> Folder:
    """Sorts out names and contents, wherever they come from: migrations by version as text, and what is skipped."""
    migrations: list[Migration] = []
    skipped: list[Skipped] = []
    taken: dict[str, str] = {}
    for place, (name, content) in enumerate(sorted(files)):
        reason = skip_reason(name) or (_old_init(name) if place == 0 else "")
        match = _NAME.fullmatch(name)
        if match and not reason and (twin := taken.get(match[1])):
            reason = f"it has the version of {twin}, and the history can hold one only once; give it a newer version"
        if reason or match is None:
            skipped.append(Skipped(filename=name, why=reason))
            continue
        taken[match[1]] = name
        migrations.append(Migration(version=match[1], name=match[2], filename=name, content=content))
    return Folder(migrations=tuple(sorted(migrations, key=lambda m: m.version)), skipped=tuple(skipped))


def skip_reason(name: str) -> str:
    """Why a file of that name is no migration; empty when it is one."""
    return "" if _NAME.fullmatch(name) else 'its name does not match "VERSION_name.sql", with digits as version'


def _old_init(name: str) -> str:
    """The CLI leaves out the `init` file that its first releases made, if it is the first file of the folder."""
    match = _OLD_INIT.search(name)
    if match and match[1] < _OLD_INIT_BEFORE:
        return 'the Supabase CLI leaves out an "init" this old; give it another name to apply it'
    return ""


_HEADER = re.compile(r"^\s*migration\s*:\s*(.+)$", re.IGNORECASE)


def purpose(content: bytes) -> str:
    """What the header says it is for: `-- Migration: Add feature XYZ`, else the first comment line, else nothing."""
    first = ""
    for line in _leading_comments(content[:4096].decode("utf-8", errors="replace").removeprefix("\ufeff")):
        if match := _HEADER.match(line):
            return _short(match[1])
        first = first or _short(line)
    return first


def _leading_comments(text: str) -> list[str]:
    """The words of the comment lines before the first line of SQL."""
    comments: list[str] = []
    in_block = False
    for line in text.splitlines():
        bare = line.strip()
        if in_block or bare.startswith("/*"):
            in_block = "*/" not in bare
            comments.append(bare.removeprefix("/*").split("*/")[0].strip(" *"))
        elif bare.startswith("--"):
            comments.append(bare.strip("-=# \t"))
        elif bare:
            break
    return comments


def _short(words: str) -> str:
    """One printable line of bounded length."""
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return line if len(line) <= _PURPOSE_LENGTH else line[:_PURPOSE_LENGTH - 1].rstrip() + "…"

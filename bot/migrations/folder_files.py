"""Which files `stagedoor check` looks at: those that are named, and what lies in folders that are named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bot.errors import Unknown
from bot.migrations.lint.encoding import LONGEST


def named(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Name and bytes of each, in the order in which they would be applied. Raises `Unknown` for what is not there."""
    found: dict[str, bytes] = {}
    for path in map(Path, paths):
        if path.is_dir():
            with os.scandir(path) as entries:
                there = [one for one in entries if not one.name.startswith(".")]
            inside = [one.name for one in there if one.name.endswith(".sql") and not one.is_dir()]
            if there and not inside:    # the wrong folder would be found clean
                raise Unknown(f"{path} holds other things than migrations: nothing there ends in .sql.")
            for name in inside:
                own = os.path.join("" if path == Path() else path, name)
                found[own] = _read(own)
        else:
            found[str(path)] = _read(str(path))
    return sorted(found.items(), key=lambda file: (os.path.dirname(file[0]), os.path.basename(file[0])))


def twins(files: Sequence[tuple[str, bytes]]) -> dict[int, tuple[str, bytes]]:
    """The rollback file of each migration that has one, by the migration's number."""
    found = {}
    for number, (name, _) in enumerate(files):
        folder, own = os.path.split(name)
        back = os.path.join(os.path.dirname(folder), "rollbacks", own)
        if os.path.basename(folder) != "rollbacks" and os.path.isfile(back):
            found[number] = (back, _read(back))
    return found


def _read(path: str) -> bytes:
    """The file's bytes; of one that is too long, just enough to know that it is."""
    try:
        if not os.path.isfile(path):
            raise Unknown(f"There is no file or folder {path}.")
        with open(path, "rb") as file:
            return file.read(-1 if os.path.getsize(path) <= LONGEST else LONGEST + 1)
    except OSError as error:
        raise Unknown(f"{path} cannot be read: {error.strerror}.") from None

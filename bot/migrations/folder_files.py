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
            there = [one for one in path.iterdir() if not one.name.startswith(".")]
            inside = sorted(one for one in there if one.suffix == ".sql" and not one.is_dir())
            if there and not inside:    # the wrong folder would be found clean
                raise Unknown(f"{path} holds other things than migrations: nothing there ends in .sql.")
            for one in inside:
                found[str(one)] = _read(one)
        else:
            found[str(path)] = _read(path)
    return sorted(found.items(), key=lambda file: (os.path.dirname(file[0]), os.path.basename(file[0])))


def twins(files: Sequence[tuple[str, bytes]]) -> dict[int, tuple[str, bytes]]:
    """The rollback file of each migration that has one, by the migration's number."""
    paths = [Path(name).parent.parent / "rollbacks" / Path(name).name for name, _ in files]
    beside = {number: path for number, path in enumerate(paths) if Path(files[number][0]).parent.name != "rollbacks"}
    return {number: (str(path), _read(path)) for number, path in beside.items() if path.is_file()}


def _read(path: Path) -> bytes:
    """The file's bytes; of one that is too long, just enough to know that it is."""
    try:
        if not path.is_file():
            raise Unknown(f"There is no file or folder {path}.")
        with path.open("rb") as file:
            return file.read(LONGEST + 1)
    except OSError as error:
        raise Unknown(f"{path} cannot be read: {error.strerror}.") from None

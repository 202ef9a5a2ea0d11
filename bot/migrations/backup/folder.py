"""The folder of the dumps: for our eyes alone, and nothing half written in it under a dump's name."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from bot.errors import Refused

UNFINISHED = ".partial"


class Folder:
    """One project's dumps below `BACKUP_DIR`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ready(self) -> None:
        """Make it, readable by us alone. Raises `Refused` where that cannot be."""
        try:
            for folder in (self.path.parent, self.path):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o700)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise Refused(
                f"BACKUP_DIR ({self.path.parent}) cannot be written: {os.strerror(error.errno or 0)}. "
                "Give Stagedoor's user a folder there, or set BACKUP_DIR to another one."
            ) from None

    def free(self) -> int:
        """Bytes that the disk takes yet."""
        try:
            return shutil.disk_usage(self.path).free
        except OSError:
            return 0

    def new(self, id: str) -> Path:
        """Where a dump is written before it counts; its name is nobody else's."""
        return self.path / f".{id}.{secrets.token_hex(4)}{UNFINISHED}"

    def unfinished(self, name: str) -> Path:
        """A dump that was written earlier and does not count yet. Raises `Refused` when it is gone."""
        path = self.path / Path(name).name
        if not path.is_file():
            raise Refused(f"its file {path.name} is gone from {self.path}")
        return path

    def clear(self, id: str) -> None:
        """Take away whatever of a dump does not count."""
        for left in self.path.glob(f".{id}.*{UNFINISHED}"):
            left.unlink(missing_ok=True)

    def finish(self, unfinished: Path, name: str) -> Path:
        """Give a dump its name; from now on it counts."""
        final = self.path / name
        try:
            unfinished.replace(final)
            self.settle()
        except OSError as error:
            raise Refused(f"it could not be kept in {self.path}: {os.strerror(error.errno or 0)}") from None
        return final

    def settle(self) -> None:
        """Let the disk know the folder's names for good."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self.path / Path(name).name).unlink()

"""Which of several processes serves a store: a lock on a file beside it, which ends with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Protocol, Self

from bot.errors import Refused


class StoreLock(Protocol):
    """The right to serve a store, whatever kind of store it is."""

    def try_acquire(self) -> bool: ...

    def acquire(self, poll: float, stop: Event) -> bool: ...

    def holder(self) -> int | str | None: ...

    def watch(self, lost: Callable[[], None]) -> None:
        """Call `lost` should the lock ever go to another process; the one who held it must stop serving."""
        ...

    def sure(self) -> bool:
        """Whether it surely is ours still; whoever was frozen has to find out before acting on it."""
        ...

    def release(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *trouble: object) -> None: ...


class ServeLock:
    """The right to serve a store. As a context it is released at the end; kill -9 releases it as well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def try_acquire(self) -> bool:
        """True when this handle holds the lock now."""
        if self._file is not None:
            return True
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Refused(f"The lock {self.path} cannot be opened: {error.strerror}.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        except BaseException:
            os.close(file)
            raise
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file
        return True

    def acquire(self, poll: float, stop: Event) -> bool:
        """Stand by until the lock is free, looking every `poll` seconds; False when `stop` was set before."""
        while not self.try_acquire():
            if stop.wait(poll):
                return False
        return True

    def holder(self) -> int | None:
        """The process that holds the lock, as far as it said; for a sentence to a person, never for a decision."""
        with suppress(OSError, ValueError):
            return int(self.path.read_text())
        return None

    def watch(self, lost: Callable[[], None]) -> None:
        """A lock on a file is never lost while its process lives."""

    def sure(self) -> bool:
        """A lock on a file stays while its process lives, frozen or not."""
        return self._file is not None

    def release(self) -> None:
        # The file stays: taking it away would let a third process lock another file of the same name.
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> ServeLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def serve_lock(path: Path) -> ServeLock:
    """The lock of the store at `path`, not yet taken."""
    return ServeLock(path.with_name(path.name + ".lock"))

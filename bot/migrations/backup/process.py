"""Running pg_dump and pg_restore: in a bare environment, over pipes, so that they die with us; and their words."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

import psycopg

CHUNK = 1 << 20
_BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def libpq_environment(url: str, application: str) -> dict[str, str]:
    """An address as the variables that libpq reads: a password has no place among a program's arguments."""
    names = {
        each.keyword.decode(): each.envvar.decode() for each in psycopg.pq.Conninfo.get_defaults() if each.envvar
    }
    parts = psycopg.conninfo.conninfo_to_dict(url)
    given = {names[part]: str(value) for part, value in parts.items() if part in names and value is not None}
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}   # certificates of libpq lie there
    return {**_BARE, **home, "PGCONNECT_TIMEOUT": "10", **given, "PGAPPNAME": application[:63]}


class Running:
    """A program whose output is read as it comes. On the way out of the context it is killed, if it still runs."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None, stdin: int | None = None,
        user: tuple[int, int] | None = None,
    ) -> None:
        self.name = os.path.basename(command[0])
        who = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            command, env=_BARE | dict(environment or {}), stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", start_new_session=True, **who,  # type: ignore[call-overload]  # who to be, or nothing
        )
        self._said: list[bytes] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)    # PG_DUMP may be a script with children
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def ended(self, within: float) -> bool:
        """Whether it ends within so many seconds, with nobody reading what it says on its standard output."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def ended_well(self) -> bool:
        return self._process.poll() == 0

    def trouble(self) -> str:
        """Wait for its end; what went wrong in its own last words, or nothing."""
        status = self._process.wait()
        self._listener.join()
        if status == 0:
            return ""
        if status < 0:
            return f"{self.name} was killed ({signal.Signals(-status).name})"
        return f"{self.name}: {self._last_words()}" if self._said else f"{self.name} ended with status {status}"

    def words(self) -> list[str]:
        """What it said on its standard error."""
        self._listener.join()
        return b"".join(self._said).decode(errors="replace").splitlines()

    def _last_words(self) -> str:
        errors = [line for line in self.words() if "error:" in line or "detail:" in line or "FATAL" in line]
        said = (errors or self.words())[:2]
        plain = [re.sub(r"^.*?(?:error|detail):\s*", "", line) for line in said]
        return re.sub(r'connection to server .*? failed: ', "", "; ".join(plain))[:400]

    def _listen(self) -> None:
        assert self._process.stderr is not None
        kept = 0
        for line in self._process.stderr:
            if kept < 64_000:     # a hostile archive could make it talk for ever
                self._said.append(line)
                kept += len(line)

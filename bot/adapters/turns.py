"""Whose turn it is: the lock before a store's one place to write."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Turns:
    """A lock that is handed over in the order of asking; with the standard one a busy walker starves everyone else.

    Who is urgent goes before those who are not, though never twice in a row past the same one.
    """

    def __init__(self) -> None:
        self._guard, self._held = Lock(), False
        self._urgent, self._others, self._urgent_had_it = deque[Lock](), deque[Lock](), False

    @contextmanager
    def turn(self, *, urgent: bool = False) -> Iterator[None]:
        self._wait(self._urgent if urgent else self._others)
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, line: deque[Lock]) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = Lock()
            mine.acquire()
            line.append(mine)
        try:
            mine.acquire()
        except BaseException:
            with self._guard:
                given = mine not in line
                if not given:
                    line.remove(mine)
            if given:
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        with self._guard:
            urgent = bool(self._urgent) and not (self._urgent_had_it and self._others)
            line = self._urgent if urgent else self._others
            self._held, self._urgent_had_it = bool(line), urgent
            if line:
                line.popleft().release()

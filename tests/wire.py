"""A wire to a server that stays at one address while the server moves; it can be cut at a chosen word."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Wire:
    """Forwards one local port to another. As a context; `cut` hangs up on everyone and lets nobody in."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.cut_at = b""
        """The first message towards the server that holds these bytes is delivered, and its answer never comes."""
        self.silent_at = b""
        """The first message towards the server that holds these bytes is the last one that is delivered."""
        self.silent = False
        """Nothing is delivered any more, and nobody hangs up."""
        self._open, self._pairs = True, list[socket.socket]()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._doorkeeper = threading.Thread(target=self._accept, daemon=True)
        self._doorkeeper.start()

    def url(self, url: str) -> str:
        """The address, over this wire."""
        head, _, tail = url.rpartition("@")
        return f"{head}@127.0.0.1:{self.port}/{tail.partition('/')[2]}"

    def cut(self) -> None:
        self._open = False
        self.hang_up()

    def mend(self, to: int | None = None) -> None:
        self.to, self._open = to or self.to, True

    def hang_up(self) -> None:
        """End every connection; new ones are let in."""
        pairs, self._pairs = self._pairs, []
        for each in pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)   # who waits at it would keep the closed door, and its port, alive
        self._door.close()
        self._doorkeeper.join()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._door.accept()
                if not self._open:
                    caller.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self.to))
                except OSError:
                    caller.close()
                    continue
                self._pairs += [caller, server]
                threading.Thread(target=self._carry, args=(caller, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, caller, False), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, inwards: bool) -> None:
        with suppress(OSError):
            while words := one.recv(65536):
                if self.silent:
                    continue
                last = inwards and self.cut_at and self.cut_at in words
                if last:
                    self.cut_at = b""
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                if inwards and self.silent_at and self.silent_at in words:
                    self.silent_at, self.silent = b"", True
                other.sendall(words)
                if last:
                    break
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_WR if each is other else socket.SHUT_RDWR)
        one.close()

"""How parts of the rehearsal call each other: over loopback, where nobody speaks TLS, on ports kept for them."""

from __future__ import annotations

import socket
import ssl
import sys
from typing import Self

TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `httpx.Client(verify=…)`: it trusts nobody, and so no file of authorities is read for every client (15 ms)."""


class Held:
    """A port on 127.0.0.1 for a program that is yet to start; as a context it is kept until the end.

    The system gives a bound port to nobody who asks for any, neither to listen on nor to call from, while a program
    that is told this very port may listen on it (with SO_REUSEADDR, as servers do), and again after it was killed.
    """

    def __init__(self) -> None:
        self._bound = socket.socket()
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bound.bind(("127.0.0.1", 0))
        self.port: int = self._bound.getsockname()[1]
        if sys.platform != "linux":     # BSD lets nobody bind beside it: there the port is free, not kept
            self._bound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def let_go(self) -> None:
        """The port is anybody's again."""
        self._bound.close()

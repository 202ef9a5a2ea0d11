"""A port that is kept for a program goes to that program alone, and a wire that ends leaves none behind."""

from __future__ import annotations

import errno
import socket
import sys

import pytest

from rehearsal.loopback import Held
from tests.wire import Wire


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port cannot be kept for somebody else")
def test_a_port_that_is_kept_is_for_who_was_told_it() -> None:
    with Held() as held:
        for _ in range(2):      # the second time after the first has died
            with socket.create_server(("127.0.0.1", held.port)) as program:
                caller = socket.create_connection(("127.0.0.1", held.port), timeout=5)
                served, _ = program.accept()
                served.close()
                caller.close()
        with socket.socket() as stranger, pytest.raises(OSError, match="in use") as refused:
            stranger.bind(("127.0.0.1", held.port))
        assert refused.value.errno == errno.EADDRINUSE
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", held.port), timeout=5)


def test_a_wire_that_ended_holds_its_port_no_longer() -> None:
    for _ in range(20):
        with Wire(0) as wire:
            pass
        socket.create_server(("127.0.0.1", wire.port)).close()

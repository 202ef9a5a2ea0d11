"""The dead man's switch: pinged while all is well, silent as soon as a part is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bot.adapters.heartbeat import Heartbeat


@pytest.fixture
def switch() -> Iterator[tuple[str, list[str]]]:
    heard: list[str] = []

    class Switch(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Switch)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/ping", heard
    server.shutdown()
    server.server_close()


def test_it_pings_while_all_is_well_and_is_silent_when_something_is_not(switch: tuple[str, list[str]]) -> None:
    address, heard = switch
    wrong: list[str] = []
    heart = Heartbeat([address, address, ""], lambda: wrong)
    heart.beat()
    assert heard == ["/ping"]
    wrong.append("slack: does not answer")
    heart.beat()
    assert heard == ["/ping"]
    wrong.clear()
    heart.beat()
    assert heard == ["/ping", "/ping"]


def test_an_address_that_does_not_answer_is_no_error_of_ours() -> None:
    Heartbeat(["http://127.0.0.1:9/ping"], lambda: ()).beat()


def test_without_an_address_nothing_happens() -> None:
    Heartbeat([], lambda: ["never asked"]).beat()

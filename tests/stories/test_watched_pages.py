"""A promotion is watched in a real Chromium: what its console complains about, with a picture, in the thread."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest

from bot.adapters.pages.chromium import PROGRAMS
from tests.stories.house import BO, FEATURE, POLICY, House

Opens = Callable[..., House]

WELL = "<title>Bestsellers</title><h1>Bestsellers</h1>"
BROKEN = "<title>Bestsellers</title><h1>Bestsellers</h1><script>console.error('no column new_column in books')</script>"


class Shop(BaseHTTPRequestHandler):
    """The application's page, which speaks as its database lets it."""

    body = WELL

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 204)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.path == "/":
            self.wfile.write(type(self).body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_what_a_page_complains_about_is_an_alarm_with_its_picture(house: Opens, page: str) -> None:
    if find_spec("playwright") is None or not any(map(shutil.which, PROGRAMS)):
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("no Playwright or no Chromium")
        pytest.skip("no Playwright or no Chromium")
    policy = POLICY.replace('duration = "1s"', 'duration = "8s"\nfirst_look = "1s"')
    h = house(policy=f'{policy}[frontend]\nproduction = ["{page}"]\n')
    h.only(FEATURE)
    card = h.ready_to_approve()
    Shop.body = BROKEN
    h.presses(BO, card, "Approve")
    h.reads(card, "In production since")
    thread = h.thread_says(card, "1 console error: no column new_column in books")
    assert "Watching production for 8 s, until" in thread
    assert "1 page" in thread
    assert "[Roll back]" in h.reads(card, "New errors since this promotion")
    thread = h.thread_says(card, "It was not so before.")
    assert "@ana @bo since P-1: " in thread
    assert f"{page} loaded, with 1 console error: no column new_column in books" in thread
    assert "Look now; where people are affected, take it back." in thread
    pictures = h.until(lambda: [file for file in h.slack.files() if file.name == "P-1-page.png"], "the picture")
    assert any(message.files for message in h.slack.thread(h.card(card))), "it lies in the promotion's own thread"
    assert pictures[0].alt_txt.startswith("Screenshot: ")
    h.reads(card, "Done · in production")
    thread = h.thread_says(card, "is done and production has all of it, and not all is well since: ")
    assert thread.count("It was not so before.") == 1, "the last look saw the same, and calls nobody again"

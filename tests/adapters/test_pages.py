"""Pages, seen by a real Chromium and by a plain request, served from real sockets."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import pytest

from bot.adapters.pages import PageVisitor
from bot.adapters.pages.chromium import PROGRAMS
from bot.domain.visit import Visit

PAGES = {
    "/": (200, "<title>Shop</title><h1>Books</h1>"),
    "/noisy": (200, "<script>console.error('no books'); fetch('/gone'); null.x</script><img src='/broken.png'>"),
    "/slow": (200, "<img src='/never'>"),
    "/hangs": (200, "<script>for (;;) {}</script>"),
}


class _Shop(BaseHTTPRequestHandler):
    ended = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/never":
            self.ended.wait(20)
        status, body = PAGES.get(self.path, (404, "no such page"))
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    _Shop.ended.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser() -> PageVisitor:
    if find_spec("playwright") is None or not any(map(shutil.which, PROGRAMS)):
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("no Playwright or no Chromium")
        pytest.skip("no Playwright or no Chromium")
    return PageVisitor(loading=10.0, patience=40.0)


def test_without_a_browser_pages_are_fetched_and_that_is_said(shop: str) -> None:
    visitor = PageVisitor(loading=2.0, browser=False)
    seen = visitor.visit(f"{shop}/")
    assert seen.well
    assert not seen.browser
    assert "only fetched, not opened in a browser" in seen.said
    assert visitor.visit(f"{shop}/nowhere").trouble == "it answered 404"
    assert "no answer" in visitor.visit("http://127.0.0.1:9/").trouble
    assert "only http and https" in visitor.visit("file:///etc/passwd").trouble


def test_what_was_seen_survives_the_journal() -> None:
    seen = Visit(url="https://a", seconds=1.5, browser=True, errors=("one",), failed=("GET x (500)",))
    assert Visit.from_json(seen.to_json()) == seen
    assert seen.said == "https://a loaded in 1.5 s, 1 console error: one; 1 failed request: GET x (500)"


@pytest.mark.slow
def test_a_page_that_is_well(shop: str, browser: PageVisitor) -> None:
    seen = browser.visit(f"{shop}/")
    assert seen.well, seen
    assert seen.browser
    assert seen.picture.startswith(b"\x89PNG")
    assert seen.said.endswith("no console errors, no failed requests")


@pytest.mark.slow
def test_what_console_and_requests_complain_about(shop: str, browser: PageVisitor) -> None:
    seen = browser.visit(f"{shop}/noisy")
    assert not seen.trouble
    assert "no books" in seen.errors
    assert any("null" in error for error in seen.errors), "an exception that nobody caught"
    assert {failed.rpartition("/")[2] for failed in seen.failed} == {"gone (404)", "broken.png (404)"}
    assert browser.visit(f"{shop}/nowhere").trouble == "it answered 404"
    assert browser.visit("http://127.0.0.1:9/").trouble


@pytest.mark.slow
def test_a_page_that_never_ends_is_left(shop: str, browser: PageVisitor) -> None:
    assert PageVisitor(loading=1.0, patience=40.0).visit(f"{shop}/slow").trouble == "it took longer than 1 s"
    assert "did not end within" in PageVisitor(loading=30.0, patience=3.0).visit(f"{shop}/hangs").trouble

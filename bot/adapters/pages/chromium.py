"""The process that opens one page in Chromium: reads the request from its standard input, prints what it saw as JSON.

It holds none of the bot's secrets, and whoever started it ends it when it takes too long.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import time
from contextlib import suppress
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
)
MOST, LONGEST = 20, 300
SETTLE = 5.0
"""Seconds that a loaded page gets to come to rest: what it fetches and draws after its load counts too."""


class _Seen:
    """What the page complained about, as far as it is kept."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.failed: list[str] = []

    def listen(self, page: Any) -> None:
        page.on("console", lambda message: self._console(message))
        page.on("pageerror", lambda error: self._note(self.errors, str(error)))
        page.on("requestfailed", lambda request: self._request(request))
        page.on("response", lambda response: self._response(response))

    def _console(self, message: Any) -> None:
        # A failed request is told by the browser in the console as well; it is listed as what it is.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self._note(self.errors, message.text)

    def _request(self, request: Any) -> None:
        why = str(request.failure or "failed")
        if "ERR_ABORTED" not in why:  # the page itself thought better of it
            self._note(self.failed, f"{request.method} {request.url} ({why})")

    def _response(self, response: Any) -> None:
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            self._note(self.failed, f"{response.request.method} {response.url} ({response.status})")

    @staticmethod
    def _note(where: list[str], text: str) -> None:
        text = " ".join(text.split())
        if len(where) < MOST:
            where.append(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def look(url: str, loading: float) -> dict[str, Any]:
    """Open the page, let it come to rest, take a picture."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(args=_flags(), executable_path=_program())
        except Error:
            return {"unable": "no Chromium could be started"}
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        seen, trouble, picture = _Seen(), "", b""
        seen.listen(page)
        begun = time.monotonic()
        try:
            response = page.goto(url, timeout=loading * 1000, wait_until="load")
            if response is not None and response.status >= 400:
                trouble = f"it answered {response.status}"
        except Error as wrong:
            trouble = _why(wrong, loading)
        took = time.monotonic() - begun
        with suppress(Error):  # a page that polls or streams never comes to rest
            page.wait_for_load_state("networkidle", timeout=SETTLE * 1000)
        with suppress(Error):  # what was seen counts without a picture
            picture = page.screenshot(timeout=10_000)
        browser.close()
    return {
        "url": url, "trouble": trouble, "seconds": took, "browser": True, "errors": seen.errors,
        "failed": [] if trouble else seen.failed, "picture": base64.b64encode(picture).decode(),
    }


def _why(wrong: Exception, loading: float) -> str:
    said = str(wrong).splitlines()[0].removeprefix("Page.goto: ")
    return f"it took longer than {loading:g} s" if "Timeout" in said else said.partition(" at ")[0]


def _program() -> str | None:
    """The system's Chromium; without one Playwright looks for its own."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def _flags() -> list[str]:
    # Chromium's own sandbox refuses root, as containers are.
    return [*FLAGS, *(("--no-sandbox",) if os.geteuid() == 0 else ())]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(**json.load(sys.stdin))))

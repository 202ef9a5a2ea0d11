"""Looks at pages: in a real Chromium where the extra `browser` is installed, otherwise with a plain request."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from typing import Any

import httpx

from bot.adapters.trust import authorities
from bot.domain.visit import Visit

LOADING = 30.0
"""Seconds that a page may take to load."""
PATIENCE = 60.0
"""Seconds after which the browser is ended, whatever it does."""
MOST = 16 << 20
_KEPT = ("PATH", "PLAYWRIGHT_BROWSERS_PATH", "LANG", *(
    name for word in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") for name in (word, word.lower())
))


class PageVisitor:
    """The port `Pages`. Each visit is a process of its own, with a browser of its own, that ends with it."""

    def __init__(self, loading: float = LOADING, patience: float = PATIENCE, browser: bool | None = None) -> None:
        self._loading = loading
        self._patience = patience
        self._browser = find_spec("playwright") is not None if browser is None else browser

    def visit(self, url: str) -> Visit:
        """Open the page; whatever goes wrong is part of what was seen."""
        if not url.startswith(("http://", "https://")):
            return Visit(url=url, trouble="only http and https addresses are visited")
        if not self._browser:
            return self._fetched(url)
        seen = self._opened(url)
        return seen or self._fetched(url)

    def _fetched(self, url: str) -> Visit:
        begun = time.monotonic()
        try:
            answer = httpx.get(url, timeout=self._loading, follow_redirects=True, verify=authorities())
            status = answer.status_code
            trouble = "" if 200 <= status < 300 else f"it answered {status}"
        except (httpx.HTTPError, httpx.InvalidURL) as wrong:
            trouble = f"no answer ({type(wrong).__name__})"
        return Visit(url=url, trouble=trouble, seconds=time.monotonic() - begun)

    def _opened(self, url: str) -> Visit | None:
        """What a browser saw; None where there is no browser to be started."""
        with tempfile.TemporaryDirectory(prefix="stagedoor-page-", ignore_cleanup_errors=True) as home:
            answer = self._ask({"url": url, "loading": self._loading}, home)
        if answer is None:
            return Visit(url=url, trouble=f"the browser did not end within {self._patience:g} s", browser=True)
        if "unable" in answer:
            return None
        if "url" not in answer:
            return Visit(url=url, trouble="the browser crashed", browser=True)
        return Visit.from_json(answer, base64.b64decode(answer.get("picture", "")))

    def _ask(self, request: dict[str, Any], home: str) -> dict[str, Any] | None:
        """The answer of the process; {} where it died without one, None where it had to be ended."""
        environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environ |= {"HOME": home, "TMPDIR": home, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "bot.adapters.pages.chromium"], cwd=home, env=environ, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process:
            try:
                printed, _ = process.communicate(json.dumps(request).encode(), timeout=self._patience)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _end(process.pid)
        try:
            answer = json.loads(printed[:MOST])
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}


def _end(group: int) -> None:
    """The process, its driver and its browser are one group, and none of them stays behind."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return

"""Health addresses over HTTP."""

from __future__ import annotations

import httpx

from bot.adapters.trust import authorities


class HttpHealth:
    """The port `Health`: an address is well when it answers 2xx within the time-out (seconds)."""

    def __init__(self, timeout: float = 5.0) -> None:
        self._client = httpx.Client(verify=authorities(), timeout=timeout, follow_redirects=True)

    def check(self, url: str) -> str | None:
        try:
            status = self._client.get(url).status_code
        except httpx.HTTPError as trouble:
            return f"no answer ({type(trouble).__name__})"
        return None if 200 <= status < 300 else f"answered {status}"

"""A dead man's switch: an address that is pinged while all is well, and somebody else notices when it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpx
import structlog

from bot.adapters.trust import authorities

log = structlog.get_logger(__name__)

EVERY_SECONDS = 60


class Heartbeat:
    """Pings every address once a call, unless a part says that it is not well; silence is the alarm."""

    def __init__(self, addresses: Iterable[str], parts: Callable[[], Iterable[str]], timeout: float = 10.0) -> None:
        self._addresses = tuple(dict.fromkeys(address for address in addresses if address))
        self._parts = parts
        self._client = httpx.Client(verify=authorities(), timeout=timeout)
        self._silent = ""

    def beat(self) -> None:
        """Ping, if every part is well. What goes wrong is logged once and is never an error of ours."""
        if not self._addresses:
            return
        wrong = "; ".join(self._parts())
        for address in self._addresses if not wrong else ():
            try:
                status = self._client.get(address).status_code
                wrong = wrong or ("" if 200 <= status < 300 else f"the heartbeat's address answered {status}")
            except (httpx.HTTPError, httpx.InvalidURL) as trouble:
                wrong = f"the heartbeat's address does not answer ({type(trouble).__name__})"
        if wrong != self._silent:
            self._silent = wrong
            log.info("heartbeat", silent=wrong or "no")

"""Paging over HTTP: PagerDuty's Events API v2, or a webhook of any other kind that takes JSON."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from bot.adapters.trust import authorities
from bot.domain.entry import Json
from bot.errors import Unreachable

PAGERDUTY = ("pagerduty.com", "/v2/enqueue")
"""A host, or a path's end, by which PagerDuty's own form is known."""

_SUMMARY = 1024


class HttpPager:
    """The port `Pager`. PagerDuty joins what has the same `dedup_key`; a webhook gets it as its `Idempotency-Key`."""

    def __init__(self, url: str, key: str = "", timeout: float = 10.0) -> None:
        host = urlsplit(url).hostname or ""
        self._events = host.endswith(PAGERDUTY[0]) or urlsplit(url).path.rstrip("/").endswith(PAGERDUTY[1])
        self._url, self._key = url, key
        self._client = httpx.Client(verify=authorities(), timeout=timeout)

    def trigger(self, key: str, summary: str, details: Mapping[str, Json]) -> None:
        """Wake somebody. Raises `Unreachable`."""
        if self._events:
            payload = {
                "summary": summary[:_SUMMARY], "source": "stagedoor", "severity": "critical",
                "custom_details": dict(details),
            }
            self._send(key, {"event_action": "trigger", "dedup_key": key, "payload": payload})
        else:
            self._send(key, {"event": "trigger", "key": key, "summary": summary[:_SUMMARY], "details": dict(details)})

    def acknowledge(self, key: str, by: str) -> None:
        """Somebody has it. Raises `Unreachable`."""
        if self._events:
            self._send(key, {"event_action": "acknowledge", "dedup_key": key})
        else:
            self._send(key, {"event": "acknowledge", "key": key, "by": by})

    def resolve(self, key: str) -> None:
        """It is over. Raises `Unreachable`."""
        if self._events:
            self._send(key, {"event_action": "resolve", "dedup_key": key})
        else:
            self._send(key, {"event": "resolve", "key": key})

    def _send(self, key: str, body: dict[str, object]) -> None:
        headers = {"Idempotency-Key": f"{key}:{body.get('event_action') or body.get('event')}"}
        if self._events:
            body = {"routing_key": self._key, **body}
        elif self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            status = self._client.post(self._url, json=body, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            raise Unreachable(f"the pager does not answer ({type(trouble).__name__}).") from None
        if not 200 <= status < 300:
            raise Unreachable(f"the pager answered {status}.")

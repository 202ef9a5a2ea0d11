"""A log drain as Supabase sends: batches of at most 250 events as gzipped JSON, not signed, tried once more at most."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from rehearsal.loopback import TRUST

MOST = 250


class Drain:
    """Delivers rows of the `logs` table to an address, nested as drains have them."""

    def __init__(self, url: str, secret: str) -> None:
        self._client = httpx.Client(timeout=5.0, verify=TRUST, headers={
            "authorization": f"Bearer {secret}", "content-type": "application/json", "content-encoding": "gzip",
        })
        self._url = url

    def deliver(self, rows: Iterable[Mapping[str, Any]], *, environment: str = "production") -> list[int]:
        """Send them; returns the statuses, 0 for no answer."""
        events = [event(row) for row in rows]
        batches = [events[at:at + MOST] for at in range(0, len(events), MOST)]
        return [self._send(batch, environment) for batch in batches]

    def close(self) -> None:
        self._client.close()

    def _send(self, batch: list[dict[str, Any]], environment: str) -> int:
        body, status = gzip.compress(json.dumps(batch).encode()), 0
        for _ in range(2):
            try:
                status = self._client.post(self._url, params={"environment": environment}, content=body).status_code
            except httpx.HTTPError:
                status = 0
            if 0 < status < 500 and status not in (408, 429):
                break
        return status


def event(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row as a drain's event."""
    metadata: dict[str, Any] = {}
    for path, value in row["attributes"].items():
        inner = metadata
        *above, last = path.split(".")
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    micros = int(row["at"].timestamp() * 1_000_000)
    return {"id": row["id"], "timestamp": micros, "event_message": row["message"], "metadata": metadata}

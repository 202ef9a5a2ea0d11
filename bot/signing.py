"""Links to read-only pages: whoever holds one may read one record until the day it names, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LIFE = timedelta(days=30)
LONGEST = 12
"""Digits of a time that is still read; a longer one is nobody's."""


class Expired(Exception):
    """The link was good once; the message says until when."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Links:
    """Makes and proves links. Without an `address` the world cannot reach the pages, and there are no links."""

    address: str
    secret: bytes

    def to(self, path: str, until: datetime) -> str:
        """The address of a page (`/promotions/P-31`) with its proof, or nothing."""
        if not self.address:
            return ""
        moment = str(int(until.timestamp()))
        return f"{self.address.rstrip('/')}{path}?until={moment}&proof={self._proof(path, moment)}"

    def prove(self, path: str, until: str, proof: str, now: datetime) -> bool:
        """Whether this is a link of ours to just this page. Raises `Expired` for one that was."""
        if not (until.isascii() and until.isdigit() and len(until) <= LONGEST):
            return False
        if not hmac.compare_digest(self._proof(path, until).encode(), proof.encode("utf-8", "replace")):
            return False
        if now.timestamp() >= int(until):
            raise Expired(f"{datetime.fromtimestamp(int(until), UTC):%Y-%m-%d %H:%M} UTC")
        return True

    def _proof(self, path: str, until: str) -> str:
        return hmac.new(self.secret, f"{path}\n{until}".encode(), hashlib.sha256).hexdigest()[:40]

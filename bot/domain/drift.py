"""Drift: what production and staging hold otherwise than each other although no migration explains it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from bot.domain.baseline import STRAYS, Difference, Kind
from bot.domain.catalog import Key
from bot.domain.project import Environment

_MOST = 400


@dataclass(frozen=True, kw_only=True)
class Stray:
    """One object that no migration explains: `-` only in production, `+` only on staging, `~` other in each.

    `=`: production has already, and otherwise, what a pending migration makes. `digest` is of both sides as they are,
    so that another change is another stray.
    """

    sign: str
    key: Key
    digest: str
    detail: str = ""

    @property
    def name(self) -> str:
        return f"{self.key[0].replace('_', ' ')} {self.key[1]}"

    def __str__(self) -> str:
        detail = self.detail if len(self.detail) <= _MOST else f"{self.detail[:_MOST - 1]}…"
        return f"{self.name} {STRAYS[self.sign]}{detail and f' ({detail})'}"

    @property
    def difference(self) -> Difference:
        """What a baseline would accept."""
        return Difference(
            kind=Kind.DRIFT, environment=Environment.PRODUCTION, sha256=self.digest,
            version=quote(f"{self.sign}{' '.join(self.key)}", safe=""),
        )


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What a comparison of both catalogs found.

    `held` holds a promotion up, `noted` is good to know. `unsure` says why some of it may have an explanation all the
    same; `text` is the whole of it for reading.
    """

    held: tuple[Stray, ...] = ()
    noted: tuple[str, ...] = ()
    unsure: str = ""
    text: str = ""

    def open(self, accepted: Iterable[Difference]) -> tuple[Stray, ...]:
        """What of it no baseline accepted."""
        known = set(accepted)
        return tuple(stray for stray in self.held if stray.difference not in known)


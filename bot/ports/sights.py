"""The ports of what is looked at and drawn: addresses, pages, how a database is doing, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.entry import Json
from bot.domain.reading import Reading
from bot.domain.visit import Visit
from bot.domain.watching import Spot


class Health(Protocol):
    """Addresses that must answer."""

    def check(self, url: str) -> str | None:
        """None when the address answered 2xx, otherwise what it did instead."""
        ...


class Vitals(Protocol):
    """How one database is doing."""

    def read(self, slow_ms: int) -> Reading:
        """One cheap look; what of it could not be read is named in it. Raises `Unreachable`."""
        ...

    def spots(self, tables: Sequence[str]) -> tuple[Spot, ...]:
        """Spot checks of these tables, as far as they are there. Raises `Unreachable`."""
        ...


class Pictures(Protocol):
    """Curves for threads."""

    def errors_per_minute(self, drawing: Mapping[str, Json]) -> bytes:
        """A PNG of `minutes` (`[[ISO time, count], …]`), `title` and `marks`. Raises `Unreachable` where none comes."""
        ...


class Pages(Protocol):
    """Pages that people use."""

    def visit(self, url: str) -> Visit:
        """Open a page and look; whatever goes wrong is part of what was seen. May take a minute."""
        ...


class NoPages:
    """Where nobody looks at pages, every visit says so."""

    def visit(self, url: str) -> Visit:
        return Visit(url=url, trouble="nobody looks at pages here")

"""What staging showed of a plan: catalogs, locks, pages, the trial of the way back, and drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from bot.domain.entry import Entry, Json
from bot.domain.risks import Ran
from bot.domain.values import maps, texts
from bot.domain.visit import Visit
from bot.domain.way_back import WayBack


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Part of a promotion or a staging run: the evidence that it gathered or was given."""

    catalogs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the catalog before each file by version, and of the one after all under the empty one."""
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ways: tuple[WayBack, ...] = ()
    """What this run's own trials of the way back said."""
    shown: bool = False
    """Whether what a staging run showed was gathered."""
    pages: tuple[Visit, ...] = ()
    """The policy's pages, as they were seen after a staging run."""
    drift: str = ""
    """SHA-256 of what was last told of drift between staging and production."""
    way_back: Mapping[str, Json] = field(default_factory=dict)
    """What the card says of the way back: schema, lost, given_up, locks; and the proven SQL by version."""
    ran: Mapping[str, tuple[Ran, ...]] = field(default_factory=dict)
    """What staging showed of lines that nobody could read, by version."""

    @property
    def lost(self) -> tuple[str, ...]:
        """Data that the plan destroys for good, as its trial on staging found."""
        return texts(self.way_back.get("lost", []))


S = TypeVar("S", bound=Shown)


def _catalog_seen(p: S, e: Entry) -> S:
    return replace(p, catalogs={**p.catalogs, str(e.data["version"]): str(e.data["sha256"])})


def _proof(p: S, e: Entry) -> S:
    ways = e.data["ways"]
    assert isinstance(ways, list)
    return replace(p, ways=tuple(WayBack.from_json(way) for way in ways if isinstance(way, dict)))


def _shown(p: S, e: Entry) -> S:
    locks = e.data["locks"]
    assert isinstance(locks, dict)
    return replace(p, shown=True, locks={version: texts(said) for version, said in locks.items()})


def _way_back(p: S, e: Entry) -> S:
    return replace(p, way_back=e.data)


def _ran(p: S, e: Entry) -> S:
    return replace(p, ran={version: tuple(map(Ran.from_json, maps(own))) for version, own in e.data.items()})


def _drift(p: S, e: Entry) -> S:
    return replace(p, drift=str(e.data["diff"]))


def _page(p: S, e: Entry) -> S:
    visit = e.data["visit"]
    return replace(p, pages=(*p.pages, Visit.from_json(visit))) if isinstance(visit, dict) else p


class Fold(Protocol):
    """What one kind of entry makes of a promotion."""

    def __call__(self, p: S, e: Entry, /) -> S: ...


FOLDS: Final[Mapping[str, Fold]] = {
    "catalog.seen": _catalog_seen,
    "proof.seen": _proof,
    "evidence.seen": _shown,
    "way_back.seen": _way_back,
    "unread.shown": _ran,
    "drift.seen": _drift,
    "page.seen": _page,
}

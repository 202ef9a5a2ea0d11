"""The way back from a migration: what was tried on staging, what came of it, and what no SQL can bring back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalog import Key, Snapshot
from bot.domain.entry import Json
from bot.domain.values import texts

AS_WRITTEN = "as written, in a scratch database without rows, which is gone again"
STAND_IN = "in a form that fits into a transaction, which was rolled back"
"""How files were tried that cannot run in a transaction."""


AS_SUPERUSER = (
    "a draft was tried and not the rollback file, since staging's role is a superuser and nothing that nobody approved "
    "runs as one (docs/roles)"
)


class Schema(StrEnum):
    """The first half of the verdict: what the catalog was after going back, and again after going forth."""

    EXACT = "exact"
    ORDER = "equal but for column order"
    DIFFERS = "differs"
    UNKNOWN = "could not check"


@dataclass(frozen=True, kw_only=True)
class Change:
    """Files whose way back is to be tried, mostly one; `down` are their rollback files, None to have one drafted.

    `before` is the catalog that their staging run found; None where nobody saw it.
    """

    version: str
    label: str
    up: tuple[bytes, ...]
    down: tuple[bytes, ...] | None
    before: Snapshot | None


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """What a try said about one file. `lost` is gone with the change itself, `given_up` is what going back costs.

    The SQL itself, `down`, is bytes that lie beside it: as JSON a way back comes without.
    """

    version: str
    schema: Schema
    source: str
    """`file` or `draft`."""
    down: str
    said: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    seconds: float = 0.0
    strays: tuple[Key, ...] = ()
    """What differed once it had been applied again."""
    stays: tuple[str, ...] = ()
    """What the file does to rows and going back leaves so: `overwrites books.price`, `inserts into regions`."""
    how: str = ""
    """How it was tried, where that was not as it stands in a transaction on staging that was rolled back."""
    in_transaction: bool = False
    """Whether nothing but the transaction around it kept it from being tried."""

    @property
    def proven(self) -> bool:
        return self.schema in (Schema.EXACT, Schema.ORDER)

    @property
    def by_stand_in(self) -> bool:
        """Whether something else was tried for it, that does in a transaction what it does outside one."""
        return self.how.startswith(STAND_IN)

    def to_json(self) -> dict[str, Json]:
        return {
            "version": self.version, "schema": str(self.schema), "source": self.source,
            "said": list(self.said), "lost": list(self.lost), "given_up": list(self.given_up), "seconds": self.seconds,
            **({"stays": list(self.stays)} if self.stays else {}), **({"how": self.how} if self.how else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> WayBack:
        seconds = data.get("seconds", 0.0)
        return cls(
            version=str(data["version"]), schema=Schema(str(data["schema"])), source=str(data["source"]),
            down="", said=texts(data.get("said")), lost=texts(data.get("lost")),
            given_up=texts(data.get("given_up")), stays=texts(data.get("stays")),
            seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
            how=str(data.get("how", "")),
        )


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A try that is kept: for which bytes, of the file and of its rollback file (empty where there was none)."""

    sha256: str
    down_sha256: str
    sql: str
    """SHA-256 of the SQL that was tried; the bytes lie in the journal's blobs."""
    at: datetime
    record: str
    way: WayBack

    def to_json(self) -> dict[str, Json]:
        return {
            "sha256": self.sha256, "down_sha256": self.down_sha256, "sql": self.sql, "at": self.at.isoformat(),
            "record": self.record, "way": self.way.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Proof:
        way = data["way"]
        assert isinstance(way, dict)
        return cls(
            sha256=str(data["sha256"]), down_sha256=str(data["down_sha256"]), sql=str(data["sql"]),
            record=str(data["record"]),
            at=datetime.fromisoformat(str(data["at"])), way=WayBack.from_json(way),
        )


def are(lost: Sequence[str]) -> str:
    """The verb for what is lost: "the values of books.sold are", "the sequence's position is"."""
    several = len(lost) != 1 or lost[0].startswith(("the values ", "the rows ", "all rows "))
    return "are" if several else "is"

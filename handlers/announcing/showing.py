"""What Slack was last shown of a record, and what is on its way there: one document a record, outside the chain."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from bot.domain.entry import Entry, Json, canonical
from bot.domain.record import Record
from bot.incidents import records as incidents
from bot.ports import Put, Shelves
from templates.blocks import Message

SHOWN = "shown"
OPEN = "showing"
"""Names the records whose card may still have to change, so that the last change of an ended one is not forgotten."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file for a thread: text, or a picture's bytes."""

    filename: str
    title: str
    content: str | bytes
    alt: str = ""
    """What a picture shows, in words."""

    @property
    def raw(self) -> bytes:
        content = self.content.encode() if isinstance(self.content, str) else self.content
        return content or b"(empty)\n"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a thread; its file follows right after it.

    A line that stands alone is never grouped with others: somebody has to act on it.
    """

    message: Message
    file: Upload | None = None
    alone: bool = False


class Rendering(Protocol):
    """How one kind of record is shown."""

    def channel(self, record: Record) -> str:
        """Where: `#name` or a channel id; empty for a record that is told elsewhere."""
        ...

    def card(self, record: Record) -> Message:
        """The record as it stands now."""
        ...

    def line(self, record: Record, entry: Entry) -> Line | None:
        """What the thread says about an entry; None when it is not worth telling."""
        ...


@runtime_checkable
class Pinning(Protocol):
    """A kind of record whose card is pinned to its channel for a time."""

    def pinned(self, record: Record) -> bool:
        """Whether the card belongs to the pins now."""
        ...


@dataclass(frozen=True, kw_only=True)
class Sending:
    """Something that is being posted: written down, word for word, before the first try and until its fate is known."""

    what: Literal["card", "lines", "file"]
    key: str
    since: datetime
    body: Mapping[str, Json]
    through: int = 0
    digest: str = ""
    state: str = ""
    plain: bool = False
    file: Mapping[str, str] | None = None
    upload: str = ""
    tries: int = 0


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Where the card stands and what it says, which entry was told last, and what stands in the way."""

    name: str = ""
    channel: str = ""
    ts: str = ""
    digest: str = ""
    state: str = ""
    told: int = 0
    replaced: int = 0
    sending: Sending | None = None
    unable: str = ""
    pinned: str = ""
    """The card that is pinned to its channel, by its ts."""

    def well(self, **changes: Any) -> Shown:
        """The same after something went well."""
        return replace(self, unable="", **changes)


def load(shelves: Shelves, record: str) -> Shown:
    doc: dict[str, Any] = dict(shelves.get(SHOWN, record) or {})
    if sending := doc.get("sending"):
        doc["sending"] = Sending(**_known(Sending, sending) | {"since": datetime.fromisoformat(sending["since"])})
    return Shown(**_known(Shown, doc))


def untold(shelves: Shelves) -> list[str]:
    """What Slack takes nothing about, as sentences; each is tried again every few minutes."""
    stuck = {id: load(shelves, id) for id in shelves.all(OPEN)}
    return [f"{id} is not shown in {shown.name}: Slack answered {shown.unable}." for id, shown in stuck.items()
            if shown.unable]


def puts(record: str, shown: Shown) -> tuple[Put, ...]:
    """What to write; a card that stands in Slack can be found by its place there."""
    doc = asdict(shown)
    if shown.sending:
        doc["sending"] |= {"since": shown.sending.since.isoformat()}
    found = (incidents.remembered(shown.channel, shown.ts, record),) if shown.ts else ()
    return Put(shelf=SHOWN, key=record, doc=doc), Put(shelf=OPEN, key=record, doc={}), *found


def digest_of(body: Mapping[str, Json]) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def state_of(record: Record) -> str:
    """What changes when the record itself moves on, and not merely a counter on its card."""
    return f"{record.stage} {record.status} {record.touched}"


def _known(shape: type[Shown | Sending], doc: Mapping[str, Any]) -> dict[str, Any]:
    """A later release may have written more; what this one does not know is left out."""
    return {name: value for name, value in doc.items() if name in shape.__dataclass_fields__}

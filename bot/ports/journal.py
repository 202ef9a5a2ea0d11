"""The port of the journal: the truth, the shelves beside it, and the inbox before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.entry import Entry, Fact, Json
from bot.domain.record import Claim, Record, Status


@dataclass(frozen=True, kw_only=True)
class Put:
    """A document for a shelf: plain JSON outside the chain, written in the same transaction as the facts it goes with.

    A `doc` of None takes the document away.
    """

    shelf: str
    key: str
    doc: Mapping[str, Json] | None


Take = Callable[[str], str]
"""Takes the next number of a series, counting from 1: `take("P")` is `P-31`."""

Opens = Callable[[Take], tuple[Sequence[Fact], Sequence[Put]]]
"""What records begin with, by the numbers that it takes. It may ask nothing of the journal and nobody outside."""


class Journal(Protocol):
    """The truth: an append-only, hash-chained list of entries, and the projections of the records they are about."""

    def append(
        self, facts: Sequence[Fact], *, key: str | None = None, claim: Claim | None = None, puts: Sequence[Put] = (),
    ) -> tuple[Entry, ...] | None:
        """Chain the facts, write the puts, remember the delivery key and finish that inbox row, all in one transaction.

        Returns None, and writes nothing, when the key was seen before. Raises `Superseded`
        when `claim` is no longer the newest of its record.
        """
        ...

    def open(
        self, opens: Opens, *, key: str | None = None, claim: Claim | None = None,
    ) -> tuple[Entry, ...] | None:
        """Take numbers and append what they number, in one transaction, so that none is ever passed over.

        Returns the entries, or None, and raises, as `append` does.
        """
        ...

    def load(self, record: str) -> Record | None:
        """The record's projection, or None when nothing is known of it."""
        ...

    def project(self, record: Record, claim: Claim, facts: Sequence[Fact] = ()) -> Record:
        """Write where a record stands, together with the facts that brought it there, in one transaction.

        Stage, status, due, waits_for, folded and summary are taken from `record`. The given facts
        count as folded only when nobody else appended about the record since `record.folded`;
        otherwise the record stays due. Raises `Superseded` when the claim is void.
        """
        ...

    def find(
        self, *, kind: str | None = None, project: str | None = None, status: Status | None = None,
        due_by: datetime | None = None, unannounced: bool = False, limit: int = 1000,
    ) -> list[Record]:
        """Records, oldest first. `due_by`: live ones whose due time has come or that have unfolded entries.

        `unannounced`: those with entries past what Slack shows.
        """
        ...

    def entries(self, about: str | None = None, since: int = 0) -> Iterator[Entry]:
        """Entries with `seq` past `since`, in order."""
        ...

    def search(self, words: str, limit: int = 50) -> list[Entry]:
        """Entries whose text holds all the words, newest first."""
        ...

    def claim(self, record: str) -> Claim:
        """A new fencing number for the record; every earlier claim on it becomes void."""
        ...

    def announced(self, record: str, seq: int) -> None:
        """Note that Slack shows everything about the record up to entry `seq`."""
        ...


class Shelves(Protocol):
    """Side tables outside the chain: documents by shelf and key, bytes by their hash, erasable text by entry."""

    def put(self, puts: Sequence[Put]) -> None:
        """Write documents in one transaction."""
        ...

    def put_new(self, shelf: str, key: str, doc: Mapping[str, Json]) -> Mapping[str, Json]:
        """Write the document unless the key is taken; returns the document that stands there now."""
        ...

    def get(self, shelf: str, key: str) -> Mapping[str, Json] | None:
        """The document, or None."""
        ...

    def all(self, shelf: str) -> dict[str, Mapping[str, Json]]:
        """Every document of a shelf by key, oldest first."""
        ...

    def keep(self, content: bytes) -> str:
        """Store bytes under their SHA-256 (hex), which is returned; storing them again changes nothing."""
        ...

    def fetch(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises `Unknown` when they were never kept."""
        ...

    def private(self, entry: str) -> str | None:
        """The erasable text of an entry; None when it had none or it was erased."""
        ...

    def erase(self, entry: str, actor: str) -> None:
        """Take an entry's text away for good and append a redaction entry; the chain stays intact."""
        ...


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Something that Slack delivered and that was acknowledged: kind is command, action, view, shortcut or event."""

    key: str
    kind: str
    payload: Mapping[str, Json]
    received: datetime
    attempts: int = 0


class Inbox(Protocol):
    """Deliveries that were acknowledged and are not yet worked off; `Journal.append(key=…)` finishes one."""

    def receive(self, delivery: Delivery) -> bool:
        """Store a delivery durably before it is acknowledged; False when its key was seen before."""
        ...

    def pending(self, now: datetime) -> list[Delivery]:
        """Deliveries whose turn has come, oldest first."""
        ...

    def postpone(self, key: str, until: datetime) -> None:
        """Try a delivery again later; counts the attempt."""
        ...

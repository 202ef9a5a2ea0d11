"""Entries of the journal: what happened, who did it, when, about which record; and the chain that binds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SYSTEM = "stagedoor"
"""The actor of what the program does by itself."""

GENESIS = "0" * 64
"""What stands as the previous hash of the very first entry."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Says that a fact begins a record: its kind, its project and the first stage of its runbook."""

    kind: str
    project: str
    stage: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What somebody wants the journal to hold; becomes an `Entry` when it is appended.

    `private` is text that a person may later want erased: it lies in a side table,
    and the entry holds only its salted hash.
    """

    about: str
    kind: str
    actor: str
    data: Mapping[str, Json] = field(default_factory=dict)
    private: str = ""
    opens: Opening | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One link of the chain. `seq` counts from 1 without gaps; `id` sorts by time."""

    seq: int
    id: str
    at: datetime
    about: str
    kind: str
    actor: str
    data: Mapping[str, Json]
    private_hash: str
    previous: str
    hash: str

    @property
    def moment(self) -> str:
        """The time as it is hashed and stored: ISO 8601 in UTC with microseconds."""
        return self.at.isoformat(timespec="microseconds")


def canonical(value: Json | Mapping[str, Json]) -> str:
    """JSON with sorted keys, no spaces and plain UTF-8: the same value always gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def chained(
    previous: str,
    *,
    seq: int,
    id: str,
    at: datetime,
    about: str,
    kind: str,
    actor: str,
    data: Mapping[str, Json],
    private_hash: str,
) -> str:
    """The hash of an entry: SHA-256 over the previous hash and the entry's canonical JSON, in hex."""
    body = canonical(
        {
            "seq": seq,
            "id": id,
            "at": at.isoformat(timespec="microseconds"),
            "about": about,
            "kind": kind,
            "actor": actor,
            "data": dict(data),
            "private": private_hash,
        }
    )
    return hashlib.sha256((previous + body).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What recomputing the chain showed: how many entries, the head hash, and the first bad entry if one is bad."""

    entries: int
    head: str
    broken_at: int | None = None
    why: str = ""


REDACTED = "journal.redacted"
"""An entry that says that the text beside another one was taken away."""

Kept: TypeAlias = Callable[[str], tuple[str, str] | None]
"""Salt and text that lie beside an entry, by its id; None where there is no text."""


def hidden(salt: str, text: str) -> str:
    """What an entry holds of the text beside it: nothing of it can be guessed from that, and no other text has it."""
    return hashlib.sha256((salt + text).encode()).hexdigest()


def audit(entries: Iterable[Entry], against: str | None = None, kept: Kept | None = None) -> Audit:
    """Recompute the chain from its first entry, and with `kept` the hashes of the texts beside it.

    With `against` (a hash that somebody noted earlier, or its beginning, as cards show it) the chain must
    also contain that hash: a chain whose tail was cut is intact in itself and shows only so.
    """
    previous, count, met = GENESIS, 0, against in (None, GENESIS)
    beside, redacted = list[Entry](), set[str]()
    for entry in entries:
        count += 1
        if entry.seq != count:
            return Audit(entries=count, head=previous, broken_at=count, why=f"entry {count} is missing")
        if entry.previous != previous:
            return Audit(
                entries=count, head=previous, broken_at=entry.seq, why="it does not follow the entry before it"
            )
        expected = chained(
            previous,
            seq=entry.seq,
            id=entry.id,
            at=entry.at,
            about=entry.about,
            kind=entry.kind,
            actor=entry.actor,
            data=entry.data,
            private_hash=entry.private_hash,
        )
        if expected != entry.hash:
            return Audit(entries=count, head=previous, broken_at=entry.seq, why="its content does not fit its hash")
        previous = entry.hash
        met = met or (against is not None and previous.startswith(against))
        if entry.kind == REDACTED:
            redacted.add(str(entry.data.get("entry")))
        if entry.private_hash:
            beside.append(entry)
    for entry in beside if kept else ():
        if why := _beside(entry, kept, redacted):
            return Audit(entries=count, head=previous, broken_at=entry.seq, why=why)
    if not met:
        return Audit(
            entries=count,
            head=previous,
            broken_at=count + 1,
            why="the given hash is not in the chain: its end was cut off",
        )
    return Audit(entries=count, head=previous)


def _beside(entry: Entry, kept: Kept | None, redacted: set[str]) -> str:
    found = kept(entry.id) if kept else None
    if found is None:
        return "" if entry.id in redacted else "the text beside it is gone, and no redaction says so"
    return "" if hidden(*found) == entry.private_hash else "the text beside it is not the one that was written"

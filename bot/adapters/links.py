"""What every journal adapter does alike: scrubs a fact, gives it a time, an id and a place in the chain."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.domain.entry import GENESIS, Entry, Fact, Json, canonical, chained, hidden
from bot.scrub import Scrubber

EPOCH = datetime.fromtimestamp(0, UTC)

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, kw_only=True)
class Head:
    """The newest link; what the next one follows."""

    seq: int = 0
    at: datetime = EPOCH
    hash: str = GENESIS


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry with what lies beside the chain: the erasable text and its salt."""

    entry: Entry
    text: str
    salt: str


def link(head: Head, fact: Fact, now: datetime) -> Link:
    """The entry that follows `head`. When the clock stepped back it gets the time of the entry before it."""
    seq, at = head.seq + 1, max(now.astimezone(UTC), head.at)
    salt = secrets.token_hex(16) if fact.private else ""
    told = hidden(salt, fact.private) if fact.private else ""
    id = entry_id(at, seq)
    hash = chained(
        head.hash, seq=seq, id=id, at=at, about=fact.about, kind=fact.kind, actor=fact.actor, data=fact.data,
        private_hash=told,
    )
    entry = Entry(
        seq=seq, id=id, at=at, about=fact.about, kind=fact.kind, actor=fact.actor, data=fact.data,
        private_hash=told, previous=head.hash, hash=hash,
    )
    return Link(entry=entry, text=fact.private, salt=salt)


def entry_id(at: datetime, seq: int) -> str:
    """26 characters that sort by time, then by seq; the rest is random, so that no id can be guessed."""
    number = (int(at.timestamp() * 1000) << 80) | ((seq & (1 << 40) - 1) << 40) | secrets.randbits(40)
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def scrubbed(fact: Fact, scrub: Scrubber) -> Fact:
    """The fact as it may be stored; its data is what reading it back will give."""
    private = storable(scrub(fact.private)).replace("\0", "\N{REPLACEMENT CHARACTER}")
    return replace(fact, data=json.loads(document(fact.data, scrub)), private=private)


def document(value: Json | Mapping[str, Json], scrub: Scrubber) -> str:
    """Scrubbed canonical JSON."""
    return storable(canonical(scrub.json(value)))


def storable(text: str) -> str:
    """The text as UTF-8 can hold it: half a surrogate pair, which JSON may carry, becomes a question mark."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def words_of(fact: Entry) -> str:
    """What a search looks at, apart from the erasable text: every name and every value, one a line."""
    return "\n".join([fact.kind, fact.about, fact.actor, *_values(dict(fact.data))])


def _values(value: Json) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _values(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _values(inner)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def moment(at: datetime) -> str:
    """A time as adapters store it: sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")

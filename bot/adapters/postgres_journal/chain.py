"""The chain on Postgres: entries are linked behind the locked head, read in order and searched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any, Final

from bot.adapters.links import Head, Link, document, link, scrubbed
from bot.adapters.postgres_journal import words as index
from bot.adapters.postgres_journal.connections import Connections
from bot.adapters.postgres_journal.linking import open_records, touch_records, write
from bot.adapters.postgres_journal.schema import Db
from bot.domain.entry import GENESIS, Entry, Fact
from bot.domain.record import Claim
from bot.errors import Superseded
from bot.ports import Clock, Put
from bot.scrub import Scrubber

PAGE = 500
"""Entries read at a time: a reader that stops half-way leaves no transaction open behind it."""

ENTRY: Final = "seq, id, at, about, kind, actor, data, private_hash, previous, hash"

Row = Mapping[str, Any]


class Chain(Connections):
    """The entries, and what is written in one transaction with them."""

    def __init__(self, url: str, clock: Clock, scrub: Scrubber) -> None:
        self._scrub = scrub
        super().__init__(url, clock)

    def append(
        self, facts: Sequence[Fact], *, key: str | None = None, claim: Claim | None = None, puts: Sequence[Put] = (),
    ) -> tuple[Entry, ...] | None:
        facts, documents = self._scrubbed(facts), self._documents(puts)
        with self.chaining() as (db, head):
            if key is not None and not self._finish(db, key):
                return None
            if claim is not None:
                check(db, claim)
            self._put(db, documents)
            return self._link(db, head, facts, claim)

    def entries(self, about: str | None = None, since: int = 0) -> Iterator[Entry]:
        """Read page by page: an entry that is appended meanwhile is met as well, and nothing is held in between."""
        one = "and about = %(about)s" if about is not None else ""
        sql = f"select {ENTRY} from stagedoor.entries where seq > %(since)s {one} order by seq limit {PAGE}"  # noqa: S608  (our own words)
        while True:
            with self.reading() as db:
                rows = db.execute(sql.encode(), {"since": since, "about": about}).fetchall()
            yield from map(entry_of, rows)
            if len(rows) < PAGE:
                return
            since = int(rows[-1]["seq"])

    def head(self) -> str:
        """The hash of the newest entry; a later `audit(…, against=…)` shows whether anything was cut off behind it."""
        with self.reading() as db:
            row = db.execute("select hash from stagedoor.entries order by seq desc limit 1").fetchone()
        return str(row["hash"]) if row else GENESIS

    def search(self, words: str, limit: int = 50) -> list[Entry]:
        """A word is found by its beginning, whatever its case; words of punctuation alone are passed over."""
        sought = [query for query in map(index.query, words.split()) if query]
        if not sought:
            return []
        each = " and ".join(
            "seq in (select seq from stagedoor.words where lexemes @@ %s::tsquery "
            "union select seq from stagedoor.private_words where lexemes @@ %s::tsquery)" for _ in sought
        )
        sql = f"select {ENTRY} from stagedoor.entries where {each} order by seq desc limit %s"  # noqa: S608  (our own words)
        with self.reading() as db:
            rows = db.execute(sql.encode(), [*(query for query in sought for _ in range(2)), limit]).fetchall()
        return [entry_of(row) for row in rows]

    @contextmanager
    def chaining(self) -> Iterator[tuple[Db, Head]]:
        """A transaction that holds the head of the chain from its first statement on.

        Every writer that locks more than one row begins so: no two of them can wait for each other.
        """
        with self.writing_in_turn() as db:
            row = db.execute("select seq, at, hash from stagedoor.head for update").fetchone()
            assert row is not None
            yield db, Head(seq=row["seq"], at=row["at"].astimezone(UTC), hash=row["hash"])

    def _link(self, db: Db, head: Head, facts: Iterable[Fact], claim: Claim | None = None) -> tuple[Entry, ...]:
        now, links, opened = self._clock.now(), list[Link](), list[tuple[int, Fact]]()
        for fact in facts:
            new = link(head, fact, now)
            head = Head(seq=new.entry.seq, at=new.entry.at, hash=new.entry.hash)
            links.append(new)
            if fact.opens is not None:
                opened.append((new.entry.seq, fact))
        if links:
            write(db, links)
            open_records(db, opened)
            touch_records(db, [new.entry for new in links], claim)
        return tuple(new.entry for new in links)

    def _finish(self, db: Db, key: str) -> bool:
        """Remember the key as worked off and let go of what was delivered; False when it was worked off before."""
        done = db.execute(
            "insert into stagedoor.deliveries as d (key, kind, received, attempts, turn, finished) "
            "values (%(key)s, '', %(now)s, 0, %(now)s, %(now)s) "
            "on conflict (key) do update set finished = %(now)s, payload = null where d.finished is null",
            {"key": key, "now": self._clock.now()},
        )
        return done.rowcount > 0

    def _scrubbed(self, facts: Sequence[Fact]) -> list[Fact]:
        return [scrubbed(fact, self._scrub) for fact in facts]

    def _documents(self, puts: Sequence[Put]) -> list[tuple[str, str, str | None]]:
        return [(put.shelf, put.key, None if put.doc is None else document(put.doc, self._scrub)) for put in puts]

    def _put(self, db: Db, documents: Sequence[tuple[str, str, str | None]]) -> None:
        for shelf, key, doc in documents:
            if doc is None:
                db.execute("delete from stagedoor.documents where shelf = %s and key = %s", [shelf, key])
            else:
                db.execute(
                    "insert into stagedoor.documents (shelf, key, doc) values (%s, %s, %s) "
                    "on conflict (shelf, key) do update set doc = excluded.doc",
                    [shelf, key, doc],
                )


def check(db: Db, claim: Claim) -> None:
    """Raise `Superseded` unless the claim is the newest of its record; it stays so until the transaction ends."""
    newest = db.execute("select fence from stagedoor.fences where record = %s for share", [claim.record]).fetchone()
    if newest is None or newest["fence"] != claim.fence:
        raise Superseded(f"Another walk of {claim.record} has begun.")


def entry_of(row: Row) -> Entry:
    return Entry(
        seq=row["seq"], id=row["id"], at=row["at"].astimezone(UTC), about=row["about"], kind=row["kind"],
        actor=row["actor"], data=json.loads(row["data"]), private_hash=row["private_hash"], previous=row["previous"],
        hash=row["hash"],
    )

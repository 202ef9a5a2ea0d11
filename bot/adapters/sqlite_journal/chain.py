"""The chain on SQLite: entries are linked, read in order and searched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from bot.adapters.links import Head, document, link, moment, scrubbed, words_of
from bot.adapters.sqlite_journal.store import Store
from bot.domain.entry import GENESIS, Entry, Fact, canonical
from bot.domain.record import Claim
from bot.errors import Superseded
from bot.ports import Clock, Put
from bot.scrub import Scrubber

PAGE = 500
"""Entries read at a time: a reader that stops half-way leaves no transaction open behind it."""

Row = Mapping[str, Any]


class Chain(Store):
    """The entries, and what is written in one transaction with them."""

    def __init__(self, path: Path, clock: Clock, scrub: Scrubber, *, full_text: bool = True) -> None:
        self._scrub = scrub
        super().__init__(path, clock, full_text=full_text)

    def append(
        self, facts: Sequence[Fact], *, key: str | None = None, claim: Claim | None = None, puts: Sequence[Put] = (),
    ) -> tuple[Entry, ...] | None:
        facts, documents = self._scrubbed(facts), self._documents(puts)
        with self.writing() as db:
            if key is not None and not self._finish(db, key):
                return None
            if claim is not None:
                check(db, claim)
            self._put(db, documents)
            return self._link(db, facts, claim)

    def entries(self, about: str | None = None, since: int = 0) -> Iterator[Entry]:
        """Read page by page: an entry that is appended meanwhile is met as well, and nothing is held in between."""
        sql = f"SELECT * FROM entries WHERE seq > :since {'AND about = :about' if about is not None else ''}"  # noqa: S608  (our own words)
        while True:
            with self.reading() as db:
                rows = query(db, f"{sql} ORDER BY seq LIMIT {PAGE}", {"since": since, "about": about})
            yield from map(entry_of, rows)
            if len(rows) < PAGE:
                return
            since = int(rows[-1]["seq"])

    def head(self) -> str:
        """The hash of the newest entry; a later `audit(…, against=…)` shows whether anything was cut off behind it."""
        with self.reading() as db:
            return head_of(db).hash

    def search(self, words: str, limit: int = 50) -> list[Entry]:
        """A word is found by its beginning, whatever its case; words of punctuation alone are passed over."""
        sought = [word for word in map(_plain, words.split()) if any(map(str.isalnum, word))]
        if not sought:
            return []
        each = " AND ".join(f"seq IN ({self._holding(f':word{number}')})" for number in range(len(sought)))
        terms = {f"word{number}": self._term(word) for number, word in enumerate(sought)}
        with self.reading() as db:
            rows = query(
                db, f"SELECT * FROM entries WHERE {each} ORDER BY seq DESC LIMIT :limit",  # noqa: S608  (our own words)
                {**terms, "limit": limit},
            )
            return [entry_of(row) for row in rows]

    def _holding(self, term: str) -> str:
        if self.indexed:
            return (
                f"SELECT rowid FROM findable_fts WHERE findable_fts MATCH {term} "  # noqa: S608  (our own words)
                f"UNION SELECT rowid FROM private_fts WHERE private_fts MATCH {term}"
            )
        return (
            f"SELECT seq FROM findable WHERE words LIKE {term} ESCAPE '\\' "  # noqa: S608  (our own words)
            f"UNION SELECT seq FROM private WHERE text LIKE {term} ESCAPE '\\'"
        )

    def _term(self, word: str) -> str:
        if self.indexed:
            return f'"{word}"*'
        for special in "\\%_":
            word = word.replace(special, "\\" + special)
        return f"%{word}%"

    def _link(self, db: Connection, facts: Iterable[Fact], claim: Claim | None = None) -> tuple[Entry, ...]:
        head, now, made = head_of(db), self._clock.now(), []
        for fact in facts:
            new = link(head, fact, now)
            entry = new.entry
            write_entry(db, entry)
            if new.text:
                db.execute(
                    "INSERT INTO private (seq, entry, salt, text) VALUES (?, ?, ?, ?)",
                    [entry.seq, entry.id, new.salt, new.text],
                )
            if fact.opens is not None:
                db.execute(
                    "INSERT OR IGNORE INTO records (opened, id, kind, project, stage, status) "
                    "VALUES (?, ?, ?, ?, ?, 'live')",
                    [entry.seq, fact.about, fact.opens.kind, fact.opens.project, fact.opens.stage],
                )
            mine = claim is not None and claim.record == fact.about
            db.execute(
                "UPDATE records SET touched = :seq, others = CASE WHEN :mine THEN others ELSE :seq END WHERE id = :id",
                {"seq": entry.seq, "mine": mine, "id": fact.about},
            )
            head = Head(seq=entry.seq, at=entry.at, hash=entry.hash)
            made.append(entry)
        return tuple(made)

    def _finish(self, db: Connection, key: str) -> bool:
        """Remember the key as worked off and let go of what was delivered; False when it was worked off before."""
        now = moment(self._clock.now())
        done = db.execute(
            "INSERT INTO deliveries (key, kind, received, attempts, turn, finished) "
            "VALUES (:key, '', :now, 0, :now, :now) "
            "ON CONFLICT (key) DO UPDATE SET finished = :now, payload = NULL WHERE finished IS NULL",
            {"key": key, "now": now},
        )
        return done.rowcount > 0

    def _scrubbed(self, facts: Sequence[Fact]) -> list[Fact]:
        return [scrubbed(fact, self._scrub) for fact in facts]

    def _documents(self, puts: Sequence[Put]) -> list[tuple[str, str, str | None]]:
        return [(put.shelf, put.key, None if put.doc is None else document(put.doc, self._scrub)) for put in puts]

    def _put(self, db: Connection, documents: Sequence[tuple[str, str, str | None]]) -> None:
        for shelf, key, doc in documents:
            if doc is None:
                db.execute("DELETE FROM documents WHERE shelf = ? AND key = ?", [shelf, key])
            else:
                db.execute(
                    "INSERT INTO documents (shelf, key, doc) VALUES (?, ?, ?) "
                    "ON CONFLICT (shelf, key) DO UPDATE SET doc = excluded.doc",
                    [shelf, key, doc],
                )


def check(db: Connection, claim: Claim) -> None:
    """Raise `Superseded` unless the claim is the newest of its record."""
    newest = db.execute("SELECT fence FROM fences WHERE record = ?", [claim.record]).fetchone()
    if newest is None or newest[0] != claim.fence:
        raise Superseded(f"Another walk of {claim.record} has begun.")


def query(db: Connection, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
    """The rows, each by the names of its columns."""
    cursor = db.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def head_of(db: Connection) -> Head:
    row = db.execute("SELECT seq, at, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(seq=row[0], at=datetime.fromisoformat(row[1]), hash=row[2]) if row else Head(hash=GENESIS)


def write_entry(db: Connection, entry: Entry) -> None:
    values = [
        entry.seq, entry.id, entry.moment, entry.about, entry.kind, entry.actor, canonical(entry.data),
        entry.private_hash, entry.previous, entry.hash,
    ]
    db.execute(
        "INSERT INTO entries (seq, id, at, about, kind, actor, data, private_hash, previous, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    db.execute("INSERT INTO findable (seq, words) VALUES (?, ?)", [entry.seq, words_of(entry)])


def entry_of(row: Row) -> Entry:
    return Entry(
        seq=row["seq"], id=row["id"], at=datetime.fromisoformat(row["at"]), about=row["about"], kind=row["kind"],
        actor=row["actor"], data=json.loads(row["data"]), private_hash=row["private_hash"], previous=row["previous"],
        hash=row["hash"],
    )


def _plain(word: str) -> str:
    """The word without what would end the quotes around it."""
    return "".join(" " if letter == '"' or not letter.isprintable() else letter for letter in word).strip()

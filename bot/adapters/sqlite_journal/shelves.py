"""Shelves on SQLite: documents, bytes by their hash, and text that can be taken away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from bot.adapters.links import document
from bot.adapters.sqlite_journal.chain import Chain
from bot.domain.entry import REDACTED, Fact, Json
from bot.errors import Refused, Unknown
from bot.ports import Put


class SideTables(Chain):
    """Documents, blobs and private text."""

    def put(self, puts: Sequence[Put]) -> None:
        documents = self._documents(puts)
        with self.writing() as db:
            self._put(db, documents)

    def put_new(self, shelf: str, key: str, doc: Mapping[str, Json]) -> Mapping[str, Json]:
        text = document(doc, self._scrub)
        with self.writing() as db:
            db.execute("INSERT OR IGNORE INTO documents (shelf, key, doc) VALUES (?, ?, ?)", [shelf, key, text])
            return _doc(db.execute("SELECT doc FROM documents WHERE shelf = ? AND key = ?", [shelf, key]).fetchone()[0])

    def get(self, shelf: str, key: str) -> Mapping[str, Json] | None:
        with self.reading() as db:
            row = db.execute("SELECT doc FROM documents WHERE shelf = ? AND key = ?", [shelf, key]).fetchone()
        return _doc(row[0]) if row else None

    def all(self, shelf: str) -> dict[str, Mapping[str, Json]]:
        """A document that was written again keeps its place."""
        with self.reading() as db:
            rows = db.execute("SELECT key, doc FROM documents WHERE shelf = ? ORDER BY place", [shelf]).fetchall()
        return {key: _doc(doc) for key, doc in rows}

    def keep(self, content: bytes) -> str:
        """Never scrubbed: what is executed comes from these bytes."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.writing() as db:
            db.execute("INSERT OR IGNORE INTO blobs (sha256, content) VALUES (?, ?)", [sha256, content])
        return sha256

    def fetch(self, sha256: str) -> bytes:
        """Raises `Refused` when the bytes no longer fit their hash."""
        with self.reading() as db:
            row = db.execute("SELECT content FROM blobs WHERE sha256 = ?", [sha256]).fetchone()
        if row is None:
            raise Unknown(f"No bytes with the hash {sha256} were kept.")
        content = bytes(row[0])
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(f"The bytes kept as {sha256} were changed in the store; they are not used.")
        return content

    def private(self, entry: str) -> str | None:
        with self.reading() as db:
            row = db.execute("SELECT text FROM private WHERE entry = ?", [entry]).fetchone()
        return str(row[0]) if row else None

    def salted(self, entry: str) -> tuple[str, str] | None:
        """Salt and text, whose hash the entry holds; None where there is no text (any more)."""
        with self.reading() as db:
            row = db.execute("SELECT salt, text FROM private WHERE entry = ?", [entry]).fetchone()
        return (str(row[0]), str(row[1])) if row else None

    def erase(self, entry: str, actor: str) -> None:
        """Where there is no text (any more) nothing happens. Raises `Unknown` for no such entry."""
        with self.writing() as db:
            about = db.execute("SELECT about FROM entries WHERE id = ?", [entry]).fetchone()
            if about is None:
                raise Unknown(f"The journal has no entry {entry}.")
            if db.execute("DELETE FROM private WHERE entry = ?", [entry]).rowcount == 0:
                return
            if self.indexed:
                # A full-text index only marks a deleted row; merging it is what takes the words out of the file.
                db.execute("INSERT INTO private_fts (private_fts) VALUES ('optimize')")
            self._link(db, [Fact(about=about[0], kind=REDACTED, actor=actor, data={"entry": entry})])
        self.forget()


def _doc(text: str) -> Mapping[str, Json]:
    doc: dict[str, Json] = json.loads(text)
    return doc

"""Shelves on Postgres: documents, bytes by their hash, and text that can be taken away."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from bot.adapters.links import document
from bot.adapters.postgres_journal.chain import Chain
from bot.adapters.postgres_journal.trouble import UNKNOWN
from bot.domain.entry import REDACTED, Fact, Json
from bot.errors import Refused, StagedoorError, Unknown
from bot.ports import Put


class SideTables(Chain):
    """Documents, blobs and private text."""

    def put(self, puts: Sequence[Put]) -> None:
        documents = self._documents(puts)
        if len(documents) == 1:
            with self.reading(outcome=UNKNOWN) as db:
                self._put(db, documents)
        else:
            with self.chaining() as (db, _):
                self._put(db, documents)

    def put_new(self, shelf: str, key: str, doc: Mapping[str, Json]) -> Mapping[str, Json]:
        text = document(doc, self._scrub)
        with self.reading(outcome=UNKNOWN) as db:
            row = db.execute(
                "insert into stagedoor.documents as d (shelf, key, doc) values (%s, %s, %s) "
                "on conflict (shelf, key) do update set doc = d.doc returning doc",  # so that it returns what stands
                [shelf, key, text],
            ).fetchone()
        assert row is not None
        return _doc(row["doc"])

    def get(self, shelf: str, key: str) -> Mapping[str, Json] | None:
        with self.reading() as db:
            row = db.execute(
                "select doc from stagedoor.documents where shelf = %s and key = %s", [shelf, key],
            ).fetchone()
        return _doc(row["doc"]) if row else None

    def all(self, shelf: str) -> dict[str, Mapping[str, Json]]:
        """A document that was written again keeps its place."""
        with self.reading() as db:
            rows = db.execute(
                "select key, doc from stagedoor.documents where shelf = %s order by place", [shelf],
            ).fetchall()
        return {row["key"]: _doc(row["doc"]) for row in rows}

    def keep(self, content: bytes) -> str:
        """Never scrubbed: what is executed comes from these bytes."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.reading(outcome=UNKNOWN) as db:
            db.execute(
                "insert into stagedoor.blobs (sha256, content) values (%s, %s) on conflict do nothing",
                [sha256, content],
            )
        return sha256

    def fetch(self, sha256: str) -> bytes:
        """Raises `Refused` when the bytes no longer fit their hash."""
        with self.reading() as db:
            row = db.execute(
                "select content from stagedoor.blobs where sha256 = %s", [sha256], binary=True,
            ).fetchone()
        if row is None:
            raise Unknown(f"No bytes with the hash {sha256} were kept.")
        content = bytes(row["content"])
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(f"The bytes kept as {sha256} were changed in the store; they are not used.")
        return content

    def private(self, entry: str) -> str | None:
        with self.reading() as db:
            row = db.execute("select text from stagedoor.private where entry = %s", [entry]).fetchone()
        return str(row["text"]) if row else None

    def salted(self, entry: str) -> tuple[str, str] | None:
        """Salt and text, whose hash the entry holds; None where there is no text (any more)."""
        with self.reading() as db:
            row = db.execute("select salt, text from stagedoor.private where entry = %s", [entry]).fetchone()
        return (str(row["salt"]), str(row["text"])) if row else None

    def erase(self, entry: str, actor: str) -> None:
        """Where there is no text (any more) nothing happens. Raises `Unknown` for no such entry."""
        with self.chaining() as (db, head):
            found = db.execute("select seq, about from stagedoor.entries where id = %s", [entry]).fetchone()
            if found is None:
                raise Unknown(f"The journal has no entry {entry}.")
            if db.execute("delete from stagedoor.private where seq = %s", [found["seq"]]).rowcount == 0:
                return
            db.execute("delete from stagedoor.private_words where seq = %s", [found["seq"]])
            self._link(
                db, head, [Fact(about=found["about"], kind=REDACTED, actor=actor, data={"entry": entry})],
            )
        self._forget()

    def _forget(self) -> None:
        """Take deleted rows out of their pages as well; what hinders it now, autovacuum does later."""
        with suppress(StagedoorError), self.reading() as db:
            for table in ("private", "private_words"):
                db.execute(f"vacuum stagedoor.{table}".encode())


def _doc(text: str) -> Mapping[str, Json]:
    doc: dict[str, Json] = json.loads(text)
    return doc

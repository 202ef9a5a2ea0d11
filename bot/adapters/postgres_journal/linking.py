"""What goes into the store with an entry, many at a time and in few round trips: the head is locked meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bot.adapters.links import Link, words_of
from bot.adapters.postgres_journal import words
from bot.adapters.postgres_journal.schema import Db
from bot.domain.entry import Entry, Fact, canonical
from bot.domain.record import Claim

_WRITE: Final = b"""
    with entries as (
        insert into stagedoor.entries (seq, id, at, about, kind, actor, data, private_hash, previous, hash)
        select * from unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
                             %s::text[], %s::text[], %s::text[], %s::text[])
    ), private as (
        insert into stagedoor.private (seq, entry, salt, text)
        select * from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
    ), words as (
        insert into stagedoor.words (seq, part, lexemes)
        select * from unnest(%s::bigint[], %s::int[], %s::tsvector[])
    ), private_words as (
        insert into stagedoor.private_words (seq, part, lexemes)
        select * from unnest(%s::bigint[], %s::int[], %s::tsvector[])
    )
    update stagedoor.head set seq = %s, at = %s, hash = %s
"""


def write(db: Db, links: Sequence[Link], statement: bytes = _WRITE) -> None:
    """Entries, their words, the text beside them and the new head."""
    entries = [new.entry for new in links]
    texts = [new for new in links if new.text]
    db.execute(statement, [
        *columns(10, [
            (e.seq, e.id, e.at, e.about, e.kind, e.actor, canonical(e.data), e.private_hash, e.previous, e.hash)
            for e in entries
        ]),
        *columns(4, [(new.entry.seq, new.entry.id, new.salt, new.text) for new in texts]),
        *columns(3, [(entry.seq, *row) for entry in entries for row in words.rows(words_of(entry))]),
        *columns(3, [(new.entry.seq, *row) for new in texts for row in words.rows(new.text)]),
        entries[-1].seq, entries[-1].at, entries[-1].hash,
    ])


def open_records(db: Db, opened: Sequence[tuple[int, Fact]]) -> None:
    """A record that is open already stays as it is."""
    rows = [
        (seq, fact.about, fact.opens.kind, fact.opens.project, fact.opens.stage)
        for seq, fact in opened if fact.opens is not None
    ]
    if rows:
        db.execute(
            "insert into stagedoor.records (opened, id, kind, project, stage) select * from "
            "unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) on conflict (id) do nothing",
            columns(5, rows),
        )


def touch_records(db: Db, entries: Sequence[Entry], claim: Claim | None) -> None:
    """Note the newest entry about each record, and whether somebody other than its walk wrote it."""
    newest = {entry.about: entry.seq for entry in entries}
    db.execute(
        "update stagedoor.records as r set touched = t.seq, others = case when r.id = %s then r.others else t.seq end "
        "from unnest(%s::text[], %s::bigint[]) as t(id, seq) where r.id = t.id",
        [claim.record if claim else None, *columns(2, list(newest.items()))],
    )


def columns(width: int, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]

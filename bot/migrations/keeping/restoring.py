"""Putting kept rows back: in one transaction under Stagedoor's lock, the last ones that were taken first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from psycopg import errors, sql

from bot.domain.returning import Returning, by_table, moved, returning
from bot.errors import Refused
from bot.migrations.keeping.batches import Batch, Query, batches
from bot.migrations.keeping.comparing import absent_rows, compared, found_words, ours_words, same_words, value
from bot.migrations.keeping.keeping import SCHEMA, UPGRADE
from bot.migrations.session import Session
from bot.migrations.trouble import said
from bot.migrations.watch import Watch
from bot.ports import Busy, KeptRows, Moved

_LISTED = f"""
select record, array_agg(distinct schema_name || '.' || table_name), sum(rows)::bigint, min(kept_at),
  bool_and(restored_at is not null), jsonb_agg(to_jsonb(b) -> 'outcome')
from {SCHEMA}.batches b group by record order by min(kept_at) desc
"""

# Numbers that columns get by themselves go on after the highest one that came back.
_SEQUENCES = """
select a.attname::text, pg_catalog.pg_get_serial_sequence(%s, a.attname)
from pg_catalog.pg_attribute a
where a.attrelid = pg_catalog.to_regclass(%s) and a.attnum > 0 and not a.attisdropped
  and pg_catalog.pg_get_serial_sequence(%s, a.attname) is not null
"""

LONGEST = 7200
"""How many seconds one statement may take that puts rows back: they were copied within one, too."""

COMMIT = 30.0
"""How many seconds their COMMIT may take; after that production's own list says what became of it."""

_RETRY = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)


def listed(query: Query) -> tuple[KeptRows, ...]:
    """What is kept, by promotion, newest first; nothing where the schema was never made."""
    if query(f"select pg_catalog.to_regclass('{SCHEMA}.batches')")[0][0] is None:
        return ()
    return tuple(
        KeptRows(
            record=record, tables=tuple(tables), rows=rows, since=since, restored=restored,
            outcome=by_table(returning([each for each in outcomes if each])),
        )
        for record, tables, rows, since, restored, outcomes in query(_LISTED)
    )


def going_back(query: Query, record: str, name: str) -> tuple[Returning, ...]:
    """What would become of the kept rows of a promotion now; nothing is changed. Raises `Refused`."""
    if query(f"select pg_catalog.to_regclass('{SCHEMA}.batches')")[0][0] is None:
        raise Refused(f"Nothing is kept in {name} for {record}.")
    return by_table(compared(query, batch) for batch in batches(query, record, name))


def forget(session: Session, record: str) -> None:
    """Take away what is kept for a promotion, for good."""
    session.query("begin")
    for (batch,) in session.query(f"select id from {SCHEMA}.batches where record = %s", record):
        session.query(f"drop table if exists {SCHEMA}.rows_{int(batch)}")
    session.query(f"delete from {SCHEMA}.batches where record = %s", record)
    session.query("commit")


@dataclass(frozen=True, kw_only=True)
class PuttingBack:
    """One try. `approved` is what people saw of it: more than that is not done."""

    session: Session
    record: str
    approved: tuple[Returning, ...]
    lock_timeout: float
    stopping: Callable[[], bool]

    def run(self) -> tuple[Returning, ...]:
        """Put every kept row back, as far as nobody wrote it since; returns what became of them, by table.

        Raises, with nothing changed: `Moved` where that is more than was approved, `Busy` where a table is locked,
        `Refused`. The tables' own triggers rest meanwhile; foreign keys and constraints hold.
        """
        session = self.session
        limit = f"{round(self.lock_timeout * 1000)}ms"
        session.query(f"begin; set local lock_timeout = '{limit}'; set local statement_timeout = '{LONGEST // 60}min'")
        try:
            session.script(UPGRADE)
            found = batches(session.query, self.record, session.name)
            self._lock(found)
            session.wait_for(LONGEST)
            now = by_table(compared(session.query, batch) for batch in found)
            if more := moved(self.approved, now):
                raise Moved("; ".join(more), now=now)
            put = list[Returning]()
            waiting = found
            while waiting:
                waiting = self._passed_through(waiting, put)
            session.wait_for(COMMIT)
            session.query("commit")
        except BaseException:
            if session.in_transaction or not session.connection.closed:
                session.connection.rollback()
            raise
        return by_table(put)

    def _lock(self, found: Iterable[Batch]) -> None:
        """Against writers, never readers, and all at once, in one order. Who is in the way is named."""
        places = {batch.name: batch.place for batch in found}
        watch = Watch(
            self.session, self.stopping, grace=0.0, lock_timeout=self.lock_timeout, statement_timeout=self.lock_timeout,
        )
        for name in sorted(places):
            watch.begin()
            words = sql.SQL("lock table {} in share row exclusive mode").format(places[name])
            try:
                self.session.run(words.as_string(None), watch.tick)
            except _RETRY as error:
                held = f" It is held by: {'; '.join(watch.blockers)}." if watch.blockers else ""
                raise Busy(f"{name} is locked ({said(error)}).{held}") from None

    def _passed_through(self, waiting: list[Batch], put: list[Returning]) -> list[Batch]:
        """Those that have to wait for rows that their foreign keys want; an error when all of them do."""
        session, still, trouble = self.session, list[Batch](), None
        for batch in waiting:
            session.query("savepoint stagedoor_putting")
            try:
                put.append(_put(session, batch))
                session.query("release savepoint stagedoor_putting")
            except errors.ForeignKeyViolation as violation:
                session.query("rollback to savepoint stagedoor_putting")
                still.append(batch)
                trouble = violation
            except _RETRY as error:
                raise Busy(f"{batch.name} is locked ({said(error)}).") from None
        if trouble and len(still) == len(waiting):
            raise trouble
        return still


def _put(session: Session, batch: Batch) -> Returning:
    """One batch, and what became of it; what is there afterwards is compared with what was kept."""
    for each in _triggers(batch, "disable"):
        session.query(each)
    before = compared(session.query, batch)
    changed = _counted(session, _updating(batch)) if batch.overwrites and batch.compared else 0
    inserted = _counted(session, _inserting(batch)) if batch.inserts else 0
    session.query("set constraints all immediate")
    after = compared(session.query, batch)
    if after.same != before.same + changed + inserted:
        raise Refused(
            f"{batch.name} did not take its {batch.rows:,} kept rows as they were: {after.same:,} of them are there. "
            "Something in it writes rows otherwise than they are given, a rule or a trigger that is always on."
        )
    if inserted:
        _go_on_counting(session, batch)
    for each in _triggers(batch, "enable"):
        session.query(each)
    came = Returning(
        table=batch.name, kept=batch.rows, put=changed + inserted, same=before.same, gone=before.gone,
        written=before.written + before.put - changed - inserted, places=(batch.kept_in,),
    )
    session.query(
        f"update {SCHEMA}.batches set restored_at = now(), outcome = %s::jsonb where id = %s",
        json.dumps(came.to_json()), batch.id,
    )
    return came


def _triggers(batch: Batch, word: str) -> list[str]:
    return [
        sql.SQL("alter table {} {} trigger {}").format(batch.place, sql.SQL(word), sql.Identifier(name)).as_string(None)
        for name in batch.triggers
    ]


def _counted(session: Session, words: sql.Composed) -> int:
    [(count,)] = session.query(words.as_string(None))
    return int(count)


def _updating(batch: Batch) -> sql.Composed:
    """Rows that are there and that nobody wrote since get their old values."""
    return sql.SQL(
        "with put as (update {} of set {} from {} kept where {} and not {} and {} returning 1) select count(*) from put"
    ).format(
        batch.place,
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), value(batch, column)) for column in batch.compared
        ),
        batch.kept, found_words(batch), same_words(batch), ours_words(batch),
    )


def _inserting(batch: Batch) -> sql.Composed:
    """Rows that are not there go in, but for those whose unique values another row has by now."""
    rows: sql.Composable = batch.kept
    if not batch.by:
        rows = sql.SQL("({})").format(absent_rows(batch))
    return sql.SQL(
        "with put as (insert into {} ({}) overriding system value select {} from {} kept on conflict do nothing"
        " returning 1) select count(*) from put"
    ).format(
        batch.place, sql.SQL(", ").join(map(sql.Identifier, batch.columns)),
        sql.SQL(", ").join(value(batch, column) for column in batch.columns), rows,
    )


def _go_on_counting(session: Session, batch: Batch) -> None:
    """A table that was emptied or made anew counts from one again: its next row would meet one that came back."""
    place = batch.place.as_string(None)
    for column, sequence in session.query(_SEQUENCES, place, place, place):
        words = sql.SQL(
            "select pg_catalog.setval({name}, highest.value) from (select max({column})::bigint as value from {place})"
            " highest, {sequence} sequence where highest.value >= sequence.last_value"
            " and (select seqincrement > 0 from pg_catalog.pg_sequence where seqrelid = {name}::regclass)"
        ).format(
            name=sql.Literal(sequence), column=sql.Identifier(column), place=batch.place, sequence=sql.SQL(sequence),
        )
        session.query(words.as_string(None))

"""Kept rows beside what their table holds now: what goes back, what is there already, what somebody wrote since."""

from __future__ import annotations

from psycopg import sql

from bot.domain.returning import Returning
from bot.migrations.keeping.batches import Batch, Query


def compared(query: Query, batch: Batch) -> Returning:
    """What becomes of each row of a batch, if it goes back now."""
    part = Returning(table=batch.name, kept=batch.rows, places=(batch.kept_in,))
    if not batch.by:
        [(absent,)] = query(_absent_words(batch).as_string(None))
        return part + Returning(table=batch.name, put=absent, same=batch.rows - absent)
    [(absent, same, ours, others)] = query(sql.SQL(
        "select count(*) filter (where {gone}), count(*) filter (where not {gone} and {same}),"
        " count(*) filter (where not {gone} and not {same} and {ours}),"
        " count(*) filter (where not {gone} and not {same} and not {ours})"
        " from {kept} kept left join {place} of on {found}"
    ).format(
        gone=sql.SQL("of.tableoid is null"), same=same_words(batch), ours=ours_words(batch), kept=batch.kept,
        place=batch.place, found=found_words(batch),
    ).as_string(None))
    return part + Returning(
        table=batch.name, put=(ours if batch.overwrites else 0) + (absent if batch.inserts else 0), same=same,
        written=others if batch.overwrites else ours + others, gone=0 if batch.inserts else absent,
    )


def value(batch: Batch, column: str) -> sql.Composed:
    """What was kept of a column, as a value of its type."""
    number = batch.columns.index(column)
    return sql.SQL("kept.row[{}]::{}").format(sql.Literal(number + 1), sql.SQL(batch.types[number]))


def found_words(batch: Batch) -> sql.Composed:
    """The row `of` is the one that was kept in `kept`."""
    return sql.SQL(" and ").join(
        sql.SQL("of.{} = {}").format(sql.Identifier(column), value(batch, column)) for column in batch.by
    )


def same_words(batch: Batch) -> sql.Composable:
    """The row has its kept values; compared as text, since not every type can be compared."""
    parts = [_same(batch, column) for column in batch.compared]
    return sql.SQL("({})").format(sql.SQL(" and ").join(parts)) if parts else sql.SQL("true")


def ours_words(batch: Batch) -> sql.Composable:
    """Nobody wrote the row after the promotion: its newest version is by a transaction of Stagedoor's, or, of a column
    that was dropped, its value is the one that it got when it was made anew.
    """
    if not batch.xid:
        return sql.SQL("true")      # kept by a release that did not note it
    own = sql.SQL(
        "of.xmin = any (array_remove(array_append({}::xid[], pg_catalog.pg_current_xact_id_if_assigned()::xid), null))"
    ).format(sql.Literal(list(batch.own)))
    if batch.why != "drop column":
        return own
    untouched = sql.SQL(" and ").join(
        sql.SQL("(of.{name} is null or {same} or of.{name}::text = {anew})").format(
            name=sql.Identifier(column), same=_same(batch, column), anew=sql.Literal(batch.anew.get(column)),
        ) for column in batch.changed or batch.compared
    )
    return sql.SQL("({} or ({}))").format(own, untouched)


def absent_rows(batch: Batch) -> sql.Composed:
    """Rows without a key that are not there, each as often as it is missing."""
    kept = sql.SQL(", ").join(sql.SQL("({})::text").format(value(batch, column)) for column in batch.columns)
    now = sql.SQL(", ").join(sql.SQL("of.{}::text").format(sql.Identifier(column)) for column in batch.columns)
    return sql.SQL(
        "select array[{}]::text[] as row from {} kept except all select array[{}]::text[] from {} of"
    ).format(kept, batch.kept, now, batch.place)


def _absent_words(batch: Batch) -> sql.Composed:
    return sql.SQL("select count(*) from ({}) kept").format(absent_rows(batch))


def _same(batch: Batch, column: str) -> sql.Composed:
    return sql.SQL("of.{}::text is not distinct from ({})::text").format(
        sql.Identifier(column), value(batch, column),
    )

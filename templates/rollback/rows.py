"""How many rows a rollback gives up, in words: each number with what it counts, and the moment of counting."""

from __future__ import annotations

from bot.domain.backup import rows_words
from bot.domain.forgone import Counted, Forgone
from templates.text import Mark, line, when

MOST = 8


def rows_line(counted: Counted | None) -> Mark:
    """`Rows: books.isbn has a value in 3 rows, 1 of them written since the promotion · counted …`; nothing of none."""
    if counted is None:
        return Mark("")
    if counted.why:
        return line(f"Rows: could not count: {counted.why}.")
    if not counted.forgone:
        return Mark("")
    more = f"; and {len(counted.forgone) - MOST} more" if len(counted.forgone) > MOST else ""
    said = "; ".join(_of(each) for each in counted.forgone[:MOST])
    return line(f"Rows: {said}{more} · counted ", when(counted.at))


def rows_short(counted: Counted | None) -> str:
    """The first two numbers, for a question of few words."""
    known = [each for each in counted.forgone if each.rows is not None] if counted else []
    return "; ".join(_of(each) for each in known[:2])


def _of(one: Forgone) -> str:
    if one.rows is None:
        about = f" (about {rows_words(one.about)} in its table by the catalog)" if one.about else ""
        return f"{one.what}: could not count, {one.why}{about}"
    held = f"has a value in {rows_words(one.rows)}" if one.column else f"holds {rows_words(one.rows)}"
    if one.since is None:
        return f"{one.what} {held}; how many of them were written since the promotion could not be told"
    if not one.rows:
        return f"{one.what} {held}"
    since = f"{one.since:,}" if one.since else "none"
    return f"{one.what} {held}, {since} of them written since the promotion"

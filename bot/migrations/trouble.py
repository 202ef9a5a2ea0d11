"""Turns what Postgres says into the sentence that people read: what happened, and what it means for the database."""

from __future__ import annotations

import psycopg

from bot.migrations.enum_values import REMEDY
from bot.migrations.session import ConnectionLost
from bot.migrations.splitter import Statement
from bot.ports import Failed

LOCK_TIMEOUT = "55P03"
TOOK_TOO_LONG = "57014"
UNSAFE_ENUM = "55P04"
_RETRY = {LOCK_TIMEOUT, "40001", "40P01"}
_SQL_LENGTH = 300
_MESSAGE_LENGTH = 300


def failed(
    label: str, error: psycopg.Error, where: str, number: int = 0, statement: Statement | None = None,
    blockers: tuple[str, ...] = (), outside: bool = False, set_aside: bool = False,
) -> Failed:
    """A failure after which the server rolled the whole file back, unless it ran `outside` a transaction.

    `set_aside`: it was cancelled because it waited for a lock for longer than the limit that it had set aside.
    """
    sqlstate = LOCK_TIMEOUT if set_aside else error.sqlstate or ""
    line = _line(error, statement) if statement else 0
    place = f"{where}, line {line}" if line else where
    waited = sqlstate == LOCK_TIMEOUT or (outside and sqlstate == TOOK_TOO_LONG)
    held = f" {'It waited for' if outside else 'The lock was held by'}: {'; '.join(blockers)}." if blockers else ""
    over = "" if outside else " It was rolled back; nothing of it is in."
    remedy = f" {REMEDY}" if sqlstate == UNSAFE_ENUM else ""
    what = f"it waited for a lock for longer than lock_timeout, which it set aside ({sqlstate})" if set_aside else ""
    return Failed(
        why=sentence(f"{label} failed {place}: {what or said(error)}") + f"{held if waited else ''}{remedy}{over}",
        sqlstate=sqlstate, statement=number, line=line, sql=short(statement.text) if statement else "",
        retry=sqlstate in _RETRY, blockers=blockers if waited else (),
    )


def lost_before_commit(label: str, lost: ConnectionLost) -> Failed:
    """COMMIT was never sent, so the server cannot have committed anything."""
    what = sentence(f"{label} was interrupted: {lost}")
    return Failed(why=f"{what} The server rolls it back; nothing of it is in.", retry=True)


def said(error: psycopg.Error) -> str:
    """The primary message and its code. DETAIL, HINT and CONTEXT stay out: they may hold customers' values."""
    message = " ".join((error.diag.message_primary or "no reason given").split())
    message = message if len(message) <= _MESSAGE_LENGTH else message[:_MESSAGE_LENGTH - 1] + "…"
    return f"{message} ({error.sqlstate})" if error.sqlstate else message


def _line(error: psycopg.Error, statement: Statement) -> int:
    """The line in the file: the one that the server points at, else the one where the statement begins."""
    position = error.diag.statement_position
    if not position:
        return statement.line
    return statement.begins + statement.text.count("\n", 0, int(position) - 1)


def short(text: str) -> str:
    """The beginning of a statement, for people."""
    return text if len(text) <= _SQL_LENGTH else text[:_SQL_LENGTH - 1] + "…"


def sentence(words: str) -> str:
    """With a full stop, unless it ends in one."""
    return words if words.endswith((".", "!", "?")) else f"{words}."

"""Asks a database one question that it answers with true or false, and that can change nothing."""

from __future__ import annotations

from contextlib import closing

import psycopg
from psycopg import errors

from bot.errors import Refused, Unreachable
from bot.migrations.session import connect

READER = "pg_read_all_data"
"""A role of Postgres' own that may read every table and write none."""

TIMEOUT = "10s"


def holds(url: str, name: str, sql: str) -> bool:
    """Whether the query answers with one row of one value, true.

    It runs inside a subquery, alone, in a transaction that is read-only and rolled back: first as a role that cannot
    write, then, where that role may not ask it, as our own. Rows that a policy would hide make it fail instead of
    being passed over. Raises `Refused` for what is no such question and `Unreachable`.
    """
    with closing(connect(url, name, "stagedoor")) as connection:
        try:
            return _asked(connection, sql, READER)
        except (errors.InsufficientPrivilege, errors.InvalidParameterValue):
            pass    # it may not be that role, there is none, or that role may not ask this
        except psycopg.Error as error:
            raise _trouble(error, name) from None
        try:
            return _asked(connection, sql, "")
        except psycopg.Error as error:
            raise _trouble(error, name) from None


def _asked(connection: psycopg.Connection, sql: str, role: str) -> bool:
    settings = {"statement_timeout": TIMEOUT, "lock_timeout": "1s", "row_security": "off"}
    settings |= {"role": role} if role else {}
    ours = ", ".join(f"pg_catalog.set_config('{name}', '{value}', true)" for name, value in settings.items())
    try:
        connection.execute(f"begin transaction isolation level repeatable read, read only; select {ours}".encode())
        # In binary the extended protocol is used, which takes one statement and no second one behind a semicolon.
        rows = connection.execute(
            b"select * from (\n" + sql.encode() + b"\n) as question limit 2", binary=True,
        ).fetchall()
    finally:
        if not connection.broken:
            connection.rollback()
    return len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] is True


def _trouble(error: psycopg.Error, name: str) -> Refused | Unreachable:
    said = (error.diag.message_primary or "the connection was lost").rstrip(".")
    if isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.QueryCanceled):
        return Unreachable(f"{name} could not be asked: {said}.")
    return Refused(f"{name} does not take the question: {said}.")

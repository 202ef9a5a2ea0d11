"""A session on which a migration is applied: proven to be one, with its own settings, and watched while it works."""

from __future__ import annotations

import re
import secrets
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

import psycopg
from psycopg import errors, pq
from psycopg.rows import TupleRow

from bot.answering import Answering
from bot.errors import Refused, StagedoorError, Unreachable

IDENTITY = """
select current_database(), coalesce(host(inet_server_addr()), 'a local socket'), coalesce(inet_server_port(), 0),
  current_setting('server_version'), current_user
"""
"""What `identity` makes a sentence of."""

POOLER_PORT = 6543
TICK = 0.05
"""How often, in seconds, a running statement lets the caller look at something else."""

_SETTINGS = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "statement_timeout": "30s",  # for our own words; a file gets its own limit
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "60s",  # a frozen Stagedoor must not keep production's locks
}
# What is said to be in must be in after a crash, whatever the database's default; a stronger default stays.
_ON_DISK = (
    "select pg_catalog.set_config('synchronous_commit', 'on', false)"
    " where pg_catalog.current_setting('synchronous_commit') = 'off'"
)
_SERVER_GONE = ("08", "57P01", "57P02", "57P03", "57P05")

CONNECT = 10
"""How many seconds a new connection may take."""

SILENCE = 15.0
"""How many seconds past its own limit a word of ours may stay without an answer before the connection is given up."""

BESIDE = 5.0
"""The same for a look from beside, which a running statement must not be held up by."""


class ConnectionLost(StagedoorError):
    """The connection broke or stayed silent; what the server made of the last statement is not known from here."""


def connect(url: str, name: str, application: str) -> Answering[TupleRow]:
    """A fresh connection. Raises `Unreachable`; its sentence holds neither address nor password."""
    try:
        return Answering.connect(
            url, autocommit=True, prepare_threshold=None, application_name=application, connect_timeout=CONNECT,
            keepalives=1, keepalives_idle=10, keepalives_interval=5, keepalives_count=3, tcp_user_timeout=30_000,
        )
    except psycopg.OperationalError as error:
        raise Unreachable(f"{name} does not answer: {_connection_trouble(error, url)}.") from None
    except psycopg.Error:
        raise Unreachable(f"{name} cannot be reached: its address is not a valid Postgres address.") from None


def _connection_trouble(error: psycopg.OperationalError, url: str) -> str:
    """The last, most exact part of what libpq says, which names neither host nor user."""
    said = str(error).strip().splitlines()[-1:] or ["no reason given"]
    reason = said[0].rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip().rstrip(".")
    password = _parts(url).get("password")
    return reason.replace(password, "…") if password else reason


def _parts(url: str) -> dict[str, str]:
    """The address taken apart; nothing for one that cannot be read, which `connect` reports."""
    try:
        return {part: str(value) for part, value in psycopg.conninfo.conninfo_to_dict(url).items()}
    except psycopg.Error:
        return {}


def identity(database: str, address: str, port: int, version: str, user: str) -> str:
    """What a server says it is, without secrets."""
    return f'database "{database}" at {address}:{port}, PostgreSQL {version}, as {user}'


def is_lost(error: psycopg.Error) -> bool:
    """Whether this error ended the connection, as opposed to the statement alone."""
    fatal = error.diag.severity_nonlocalized in ("FATAL", "PANIC")
    return fatal or (error.sqlstate or "").startswith(_SERVER_GONE) or (
        isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    )


class Session:
    """One backend of the server and a second connection beside it, which proves, watches and cancels.

    It may serve several files one after the other: `begin_anew` before each makes it like a new one.
    """

    def __init__(self, url: str, name: str, application: str) -> None:
        self.name = name
        self._settings = {**_SETTINGS, "application_name": _application(application)}
        self._role = ""
        if _parts(url).get("port") == str(POOLER_PORT):
            raise Refused(self._no_session())
        self.connection = connect(url, name, self._settings["application_name"])
        try:
            self.beside = connect(url, name, "stagedoor-watch")
            self.beside.patience = BESIDE
        except BaseException:
            self.connection.close()
            raise
        self._selector = selectors.DefaultSelector()
        self._waits_for = selectors.EVENT_READ
        self._selector.register(self.connection.fileno(), self._waits_for)

    @classmethod
    def opened(cls, url: str, name: str, application: str) -> Self:
        """A new session with our settings, proven to be one. Raises `Unreachable`, `ConnectionLost` or `Refused`."""
        session = cls(url, name, application)
        try:
            session._settle_in()
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """End both connections; whatever was not committed is rolled back by the server."""
        self._selector.close()
        self.connection.close()
        self.beside.close()

    # Proving -------------------------------------------------------------------------------------------------------

    def _settle_in(self) -> None:
        self.query("set statement_timeout to '30s'", beside=True)
        if _is_platforms(self.query("select session_user::text")[0][0]):
            self._role = "set session role postgres;"  # as the CLI does, so that objects get the same owner
        self.script(self.claim())
        self._notice_a_lost_client()
        self._prove()
        self.server = identity(*self.query(IDENTITY)[0])
        self.pid: int
        self.started: datetime
        self.pid, self.started, refuses, replica = self.query(
            "select pid, backend_start, current_setting('transaction_read_only') = 'on', pg_is_in_recovery()"
            " from pg_catalog.pg_stat_activity where pid = pg_backend_pid()"
        )[0]
        why = "it is a replica" if replica else "the server refuses writes, as Supabase does when the disk is full"
        self.read_only = f"{self.name} is read-only: {why}." if refuses or replica else ""

    def claim(self) -> str:
        """The words that make the session's settings ours: at its beginning, and once a file has had its way with them.

        They are SET, not given at start-up, since poolers drop start-up options; `_prove` reads them back.
        """
        ours = ", ".join(f"pg_catalog.set_config('{name}', '{value}', false)" for name, value in self._settings.items())
        return f"reset session authorization; reset all; {self._role} {_ON_DISK}; select {ours}"

    @property
    def application(self) -> str:
        """What it is called in pg_stat_activity."""
        return self._settings["application_name"]

    @property
    def own_role(self) -> str:
        """What `role` is set to while no file has its way."""
        return "postgres" if self._role else "none"

    def wait_for(self, limit: float) -> None:
        """From now on the server itself ends what it is told after `limit` seconds; 0: it should answer at once."""
        self.connection.patience = limit + SILENCE

    def begin_anew(self, application: str, words: str) -> str | None:
        """Leave nothing of the file before to the next one, as a new session would; only advisory locks stay.

        Then says `words`, and returns the first value of their answer.
        """
        self.connection.patience = Answering.patience
        self._settings["application_name"] = _application(application)
        return self.script(
            f"close all; unlisten *; deallocate all; discard temp; discard sequences; {self.claim()}; {words}"
        )

    def _notice_a_lost_client(self) -> None:
        """Let the server look every second whether we are still there; from Postgres 14 on, and not on every system."""
        try:
            self.query("set client_connection_check_interval to '1s'")
        except psycopg.Error:
            return
        self._settings["client_connection_check_interval"] = "1s"

    def _prove(self) -> None:
        """Look from two connections at once whether this one keeps its backend and settings between transactions."""
        nonce = secrets.token_hex(8)
        self.query("select set_config('stagedoor.session', %s, false)", nonce)
        self.query("begin", beside=True)
        other = self.query("select pg_backend_pid(), current_setting('stagedoor.session', true)", beside=True)[0]
        pid, seen, application = self.query(
            "select pg_backend_pid(), current_setting('stagedoor.session', true), current_setting('application_name')"
        )[0]
        self.query("rollback", beside=True)
        if pid == other[0] or nonce == other[1] or seen != nonce or application != self._settings["application_name"]:
            raise Refused(self._no_session())

    def _no_session(self) -> str:
        return (
            f"The address of {self.name} leads to a transaction pooler (port {POOLER_PORT} on Supabase), where locks "
            "and settings do not hold. Nothing was run. Use the direct connection or the session pooler, port 5432."
        )

    # Talking -------------------------------------------------------------------------------------------------------

    def query(self, statement: str, *parameters: object, beside: bool = False) -> list[tuple[Any, ...]]:
        """A short statement of our own, with its rows. Raises `ConnectionLost` or the server's error."""
        connection = self.beside if beside else self.connection
        try:
            named = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters or None
            cursor = connection.execute(statement.encode(), named)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise self._translated(error) from None

    def run(self, statement: str, tick: Callable[[], None]) -> str:
        """A statement of a file, alone (the server refuses two in one) and without keeping its rows.

        Calls `tick` while the server works. Returns the command tag. Raises `ConnectionLost` or the server's error.
        """
        def send(pgconn: pq.abc.PGconn) -> None:
            pgconn.send_query_params(statement.encode(), None)
            pgconn.set_single_row_mode()

        tag, _ = self._sent(send, tick)
        return tag

    def script(self, statements: str, tick: Callable[[], None] = lambda: None) -> str | None:
        """Several statements of our own in one message, for the sake of one answer: the last one's first value.

        They are read as a whole before the first one runs: no value of a file or a person may stand in them.
        """
        _, value = self._sent(lambda pgconn: pgconn.send_query(statements.encode()), tick)
        return value

    def _sent(self, send: Callable[[pq.abc.PGconn], None], tick: Callable[[], None]) -> tuple[str, str | None]:
        """The last command tag and the first value of the last row that came."""
        pgconn = self.connection.pgconn
        tag, value, trouble = "", None, None
        begun = time.monotonic()

        def still() -> None:
            self._heard(begun)
            tick()

        try:
            send(pgconn)
            while result := self._next_result(pgconn, still):
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    trouble = errors.error_from_result(result, encoding="utf-8")
                elif result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT):
                    raise ConnectionLost("COPY with STDIN or STDOUT cannot be answered here.")
                elif result.status == pq.ExecStatus.COMMAND_OK:
                    tag = (result.command_status or b"").decode()
                elif result.status == pq.ExecStatus.TUPLES_OK and result.ntuples:
                    found = result.get_value(0, 0)
                    value = found.decode() if found is not None else None
        except psycopg.Error as error:
            trouble = error
        if trouble:
            raise self._translated(trouble) from None
        return tag, value

    def _next_result(self, pgconn: pq.abc.PGconn, tick: Callable[[], None]) -> pq.abc.PGresult | None:
        while pgconn.flush():
            self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
            pgconn.consume_input()
            tick()
        while pgconn.is_busy():
            if self._wait(selectors.EVENT_READ):
                pgconn.consume_input()
            tick()
        return pgconn.get_result()

    def _heard(self, begun: float) -> None:
        """Raise `ConnectionLost` once the server should have answered long ago."""
        if (most := self.connection.patience) is not None and time.monotonic() - begun > most:
            self.connection.pgconn.finish()     # or the next word would wait for as long once more
            raise ConnectionLost(f"{self.name} did not answer within {most:g} s")

    def _wait(self, events: int) -> bool:
        if events != self._waits_for:
            self._waits_for = events
            self._selector.modify(self.connection.fileno(), events)
        return bool(self._selector.select(TICK))

    def _translated(self, error: psycopg.Error) -> Exception:
        if is_lost(error) or self.connection.broken:
            return ConnectionLost(f"the connection to {self.name} was lost")
        return error

    def cancel(self) -> None:
        """Ask the server to stop the running statement; its answer still comes to whoever waits for it."""
        try:
            self.query("select pg_cancel_backend(%s)", self.pid, beside=True)
        except (psycopg.Error, ConnectionLost):
            with suppress(psycopg.Error):
                self.connection.cancel_safe(timeout=5)

    @property
    def in_transaction(self) -> bool:
        return self.connection.pgconn.transaction_status == pq.TransactionStatus.INTRANS


def _application(name: str) -> str:
    """A name for pg_stat_activity that can stand in quotes."""
    return re.sub(r"[^ -~]|['\\]", "?", name)[:63]


def _is_platforms(user: str) -> bool:
    return user == "supabase_admin" or user.startswith("cli_login_")

"""One environment's Postgres behind the port `Database`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import replace
from typing import Any, TypeVar

import psycopg

from bot.domain.catalog import Snapshot
from bot.domain.forgone import Forgone
from bot.domain.migration import Applied
from bot.domain.moment import Moment
from bot.domain.returning import Returning
from bot.domain.way_back import AS_SUPERUSER, Change, WayBack
from bot.errors import Refused, Unreachable
from bot.migrations import history, locks, vouching
from bot.migrations.applier import PostgresApplier
from bot.migrations.apply import Patience
from bot.migrations.asking import holds
from bot.migrations.catalog.as_written import tried_as_written, wanted
from bot.migrations.catalog.reading import snapshot
from bot.migrations.catalog.scratch import sweep
from bot.migrations.catalog.taking_back import take_back
from bot.migrations.catalog.trial import Trial
from bot.migrations.forgone import forgone
from bot.migrations.keeping import restoring
from bot.migrations.moment import LEFTOVERS, SIZES, moment
from bot.migrations.session import IDENTITY, SILENCE, ConnectionLost, Session, connect, identity
from bot.migrations.trouble import said, sentence
from bot.ports import Busy, Job, KeptRows

_INDEX_SCANS = """
select pg_catalog.format('%I.%I', schemaname, indexrelname), idx_scan from pg_catalog.pg_stat_user_indexes
"""

_SUPERUSER = """
select coalesce(bool_or(rolsuper), false) from pg_catalog.pg_roles where rolname in (current_user, session_user)
"""
"""Whoever logged in as one becomes one again with RESET ROLE, whatever its role is now."""
_ACTIVITY = """
select coalesce(sum(xact_commit + xact_rollback), 0)::bigint
from pg_catalog.pg_stat_database where datname = current_database()
"""


Asked = TypeVar("Asked")


class PostgresDatabase:
    """Reads and changes the database at `url`; `name` is what people call it, `production` or `staging`.

    `pg_dump` names the program that copies its schema into a scratch database; without one the newest fitting is taken.
    """

    def __init__(
        self, url: str, name: str = "production", patience: Patience | None = None, pg_dump: str = "",
    ) -> None:
        self._url = url
        self._pg_dump = pg_dump
        self._name = name
        self._patience = patience or Patience()

    def __repr__(self) -> str:
        return f"PostgresDatabase({self._name})"

    def history(self) -> tuple[Applied, ...]:
        """The rows of the CLI's history table in version order; empty when the table does not exist."""
        with _Reading(self._url, self._name) as query:
            return history.read(query)

    def moment(self) -> Moment:
        """All that a judgement reads of it, over one connection. Raises `Unreachable`."""
        return moment(self._url, self._name, self._patience.look)

    def activity(self) -> int:
        """How many transactions this database has ended since its counters began."""
        with _Reading(self._url, self._name) as query:
            return int(query(_ACTIVITY)[0][0])

    def identity(self) -> str:
        """What the server says it is."""
        with _Reading(self._url, self._name) as query:
            return identity(*query(IDENTITY)[0])

    def applier(self) -> AbstractContextManager[PostgresApplier]:
        """Puts files in, over one session for as long as all goes well; the session ends with the context."""
        return closing(PostgresApplier(self._url, self._name, self._patience))

    def sizes(self) -> dict[str, int]:
        """About how many rows each table holds, as the planner knows it; of a table it never saw, as its bytes say."""
        with _Reading(self._url, self._name) as query:
            return {str(name): int(rows) for name, rows in query(SIZES)}

    def index_scans(self) -> dict[str, int]:
        """How often each index was scanned since its statistics began."""
        with _Reading(self._url, self._name) as query:
            return {str(name): int(scans) for name, scans in query(_INDEX_SCANS)}

    def uncompiled(self) -> Mapping[str, str]:
        """The functions that do not compile, and what the server says of each."""
        return self._asked("its functions", vouching.uncompiled)

    def counts(self, tables: Sequence[str]) -> Mapping[str, int]:
        """Exact counts of tables; those that take too long are left out."""
        return self._asked("its rows", lambda connection: vouching.counts(connection, tables))

    def forgone(self, gone: Sequence[tuple[str, str]], version: str, seconds: float) -> tuple[Forgone, ...]:
        """Rows in what would be dropped, and how many of them came since a version went in."""
        return forgone(self._url, self._name, gone, version, seconds)

    def kept_rows(self) -> tuple[KeptRows, ...]:
        """What is kept inside this database, by promotion, newest first."""
        with _Reading(self._url, self._name) as query:
            return restoring.listed(query)

    def going_back(self, record: str) -> tuple[Returning, ...]:
        """What would become of the kept rows of a promotion now."""
        with _Reading(self._url, self._name, minutes=10) as query:
            return restoring.going_back(query, record, self._name)

    def put_back(
        self, record: str, approved: tuple[Returning, ...], lock_timeout: float, stopping: Callable[[], bool],
    ) -> tuple[Returning, ...]:
        """Put the kept rows of a promotion back, in one transaction, under Stagedoor's lock."""
        try:
            with closing(Session.opened(self._url, self._name, f"stagedoor:{record}.restore")) as session:
                if session.read_only:
                    raise Refused(session.read_only)
                if holder := locks.take(session, record, self._patience.lock, stopping):
                    raise Busy(f"Another Stagedoor session ({holder}) is changing {self._name}.")
                return restoring.PuttingBack(
                    session=session, record=record, approved=approved, lock_timeout=lock_timeout, stopping=stopping,
                ).run()
        except ConnectionLost as lost:
            raise Unreachable(sentence(f"Whether the rows of {record} are back is not known yet: {lost}")) from None
        except psycopg.Error as error:
            raise Refused(sentence(f"The rows of {record} could not be put back: {said(error)}")) from None

    def forget_rows(self, record: str) -> None:
        """Take away the kept rows of a promotion for good."""
        try:
            with closing(Session.opened(self._url, self._name, f"stagedoor:{record}.forget")) as session:
                restoring.forget(session, record)
        except (ConnectionLost, psycopg.Error) as trouble:
            raise Unreachable(sentence(f"The kept rows of {record} could not be taken away: {trouble}")) from None

    def holds(self, sql: str) -> bool:
        """Whether a question answers with one true; it runs read-only and for ten seconds at most."""
        return holds(self._url, self._name, sql)

    def leftovers(self) -> tuple[str, ...]:
        """INVALID indexes and NOT VALID constraints of user schemas, as sentences, sorted."""
        with _Reading(self._url, self._name) as query:
            return tuple(sorted(row[0] for row in query(LEFTOVERS)))

    def catalog(self) -> Snapshot:
        """What the user schemas hold, by name. Raises `Unreachable`."""
        return self._asked("its catalog", snapshot)

    def _asked(self, what: str, ask: Callable[[psycopg.Connection], Asked]) -> Asked:
        try:
            with closing(connect(self._url, self._name, "stagedoor")) as connection:
                return ask(connection)
        except psycopg.Error as error:
            why = error.diag.message_primary or "the connection was lost"
            raise Unreachable(sentence(f"{self._name} could not be asked for {what}: {why}")) from None

    def prove(
        self, changes: Sequence[Change], *, attempt: str, lock_timeout: float, statement_timeout: float,
        stopping: Callable[[], bool],
    ) -> tuple[WayBack, ...]:
        """Try the way back and up again in one transaction that is rolled back, under Stagedoor's lock.

        What does not fit into a transaction is tried beside it, in a scratch database. As a superuser no rollback file
        is tried: drafts are, which are our own words.
        """
        limits = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
        try:
            with closing(Session.opened(self._url, self._name, f"stagedoor:{attempt}")) as session:
                if session.read_only:
                    raise Refused(session.read_only)
                if holder := locks.take(session, attempt, self._patience.lock, stopping):
                    raise Refused(f"Another Stagedoor session ({holder}) is changing {self._name}.")
                with suppress(psycopg.Error):   # one that cannot go must not hold up the proof
                    sweep(session)
                if not session.query(_SUPERUSER)[0][0]:
                    return self._proven(session, changes, limits, stopping)
                ways = self._proven(session, [replace(change, down=None) for change in changes], limits, stopping)
                return tuple(map(_drafted, changes, ways))
        except ConnectionLost as lost:
            raise Unreachable(sentence(f"The way back could not be tried on {self._name}: {lost}")) from None
        except psycopg.Error as error:
            why = error.diag.message_primary or "the connection was lost"
            raise Unreachable(sentence(f"The way back could not be tried on {self._name}: {why}")) from None

    def _proven(
        self, session: Session, changes: Sequence[Change], limits: dict[str, float], stopping: Callable[[], bool],
    ) -> tuple[WayBack, ...]:
        ways = Trial(session, limits).run(changes)
        if not wanted(changes, ways):
            return ways
        return tried_as_written(
            changes, ways, snapshot(session.connection), session, url=self._url, pg_dump=self._pg_dump,
            limits=limits, stopping=stopping,
        )

    def take_back(self, job: Job, aim: Snapshot | None, stopping: Callable[[], bool]) -> bool:
        """Run a way back and remove its version from the history, in one transaction; safe to repeat."""
        try:
            with closing(Session.opened(self._url, self._name, f"stagedoor:{job.attempt}")) as session:
                if session.read_only:
                    raise Refused(session.read_only)
                return take_back(session, job, aim, self._patience.lock, stopping)
        except ConnectionLost as lost:
            raise Unreachable(sentence(f"Whether {job.label} was taken back is not known yet: {lost}")) from None


def _drafted(change: Change, way: WayBack) -> WayBack:
    """A draft that was tried where there is a rollback file says so."""
    return replace(way, how=f"{way.how or 'and rolled back'}; {AS_SUPERUSER}") if change.down else way


class _Reading:
    """A short connection for reading; whatever goes wrong on it becomes `Unreachable`."""

    def __init__(self, url: str, name: str, minutes: float = 0.5) -> None:
        self._name = name
        self._minutes = minutes
        self._connection = connect(url, name, "stagedoor")

    def __enter__(self) -> history.Query:
        self._connection.patience = self._minutes * 60 + SILENCE
        self._query(f"set statement_timeout to '{self._minutes * 60:.0f}s'")
        return self._query

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        values = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters or None
        try:
            cursor = self._connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            why = error.diag.message_primary or "the connection was lost"
            self._connection.close()
            raise Unreachable(sentence(f"{self._name} could not be read: {why}")) from None

"""The apply protocol for one transactional file (docs/apply.md): one call is one try, and any crash leaves a safe state."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from bot.errors import Refused, Unreachable
from bot.migrations import history, locks
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.splitter import Statement
from bot.migrations.transaction import statements_to_run
from bot.migrations.trouble import failed, lost_before_commit, sentence
from bot.migrations.watch import Watch
from bot.ports import Done, Failed, InDoubt, Job, Noting

_QUIET = 100
"""Files with more statements than this tell their progress a few times a second, not at each one."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long things may take, in seconds: getting the lock, a statement once we must stop, a doubt to clear up."""

    lock: float = 10.0
    grace: float = 5.0
    doubt: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Apply:
    """One try to put one file into one database."""

    url: str
    name: str
    job: Job
    noting: Noting
    patience: Patience = field(default_factory=Patience)

    def run(self) -> Done | Failed | InDoubt:
        """Put the file in, or find out that it is in already. Safe to run again after anything."""
        try:
            statements = statements_to_run(self.job.content)
        except Refused as refused:
            return Failed(why=f"{refused} Nothing of it was run.")
        if self.noting.stopping():
            return InDoubt(why=f"Stagedoor was asked to stop before it looked into {self.name}; nothing new was begun.")
        try:
            with self._session() as session:
                return self._locked(session) or self._decided(session) or self._put_in(session, statements)
        except Refused as refused:
            return Failed(why=str(refused))
        except (Unreachable, ConnectionLost) as trouble:
            return InDoubt(why=f"{sentence(str(trouble))} Whether {self._label} is in shows when {self.name} answers.")
        except psycopg.Error as error:
            return failed(self._label, error, "before the file was begun")

    @property
    def _label(self) -> str:
        return f"{self.job.version} {self.job.name}".rstrip()

    def _session(self) -> Session:
        return Session(self.url, self.name, f"stagedoor:{self.job.attempt}")

    # Before the file -----------------------------------------------------------------------------------------------

    def _locked(self, session: Session) -> Failed | InDoubt | None:
        """Be the only Stagedoor that changes this database; a session of an earlier try is left to finish."""
        holder = locks.take(session, self.job.version, self.patience.lock, self.noting.stopping)
        if holder is None:
            self.noting.note("session", {"pid": session.pid, "started": session.started.isoformat()})
            return None
        if holder.same_version:
            return InDoubt(why=(
                f"An earlier session ({holder}) still works on {self._label} in {self.name}. "
                "Nothing new is begun until it has ended; then the history says whether the file is in."
            ))
        return Failed(retry=True, why=(
            f"Another Stagedoor session ({holder}) is changing {self.name}. Nothing of {self._label} was run."
        ))

    def _decided(self, session: Session) -> Done | Failed | None:
        """What the history says about this version, if it says anything: it alone decides after a crash."""
        self._make_history(session)
        row = history.find(session.query, self.job.version)
        return None if row is None else self._found(row)

    def _make_history(self, session: Session) -> None:
        """Make or complete the history table as the CLI does, in a transaction of its own.

        Not in the file's transaction: adding a column locks the table against readers, and that must last
        milliseconds. An empty history table that stays behind when the file fails is what the CLI leaves, too.
        """
        if {"version", "name", "statements"} <= history.columns(session.query):
            return
        session.query("begin")
        session.query("set local lock_timeout = '4s'")
        for statement in history.CREATE:
            session.query(statement)
        session.query("commit")

    def _found(self, row: history.Applied) -> Done | Failed:
        if history.same(self.job.content, row):
            return Done(seconds=0.0, statements=len(statements_to_run(self.job.content)), recovered=True)
        known = "without its statements" if row.statements is None else "with other statements"
        return Failed(why=(
            f"{row.version} is in {self.name}'s history already, {known}. Nothing was run. "
            "Compare the file with what was applied, and give it a new version if it is new."
        ))

    # The file ------------------------------------------------------------------------------------------------------

    def _put_in(self, session: Session, statements: list[Statement]) -> Done | Failed | InDoubt:
        watch = Watch(
            session, self.noting.stopping, grace=self.patience.grace, lock_timeout=self.job.lock_timeout,
            statement_timeout=self.job.statement_timeout,
        )
        begun = time.monotonic()
        transaction = _Transaction(session=session, watch=watch, job=self.job, name=self.name, noting=self.noting)
        try:
            trouble = transaction.prepare() or transaction.execute(statements) or transaction.record()
        except ConnectionLost as lost:
            return lost_before_commit(self._label, lost)
        if trouble:
            with suppress(psycopg.Error, ConnectionLost):
                session.query("rollback")
            return trouble
        return self._commit(session, watch) or Done(seconds=time.monotonic() - begun, statements=len(statements))

    def _commit(self, session: Session, watch: Watch) -> Done | Failed | InDoubt | None:
        watch.begin()
        try:
            tag = session.run("commit", lambda: None)
        except ConnectionLost:
            session.close()
            return self._clear_up()
        except psycopg.Error as error:
            return failed(self._label, error, "when it was committed")
        if tag != "COMMIT":
            return Failed(why=f"The server rolled {self._label} back instead of committing it. Nothing of it is in.")
        return None

    def _clear_up(self) -> Done | Failed | InDoubt:
        """The answer to COMMIT was lost: once no session of ours is left, the history row decides, and nothing else."""
        deadline = time.monotonic() + self.patience.doubt
        while True:
            left = deadline - time.monotonic()
            try:
                with self._session() as session:
                    if locks.take(session, self.job.version, max(left, 0), lambda: False) is None:
                        row = history.find(session.query, self.job.version)
                        return self._found(row) if row else Failed(retry=True, why=(
                            f"The connection to {self.name} was lost while {self._label} was committed, "
                            "and the server rolled it back: its history has no such row. Nothing of it is in."
                        ))
            except (Unreachable, ConnectionLost, psycopg.Error):
                time.sleep(min(0.5, max(left, 0)))
            if time.monotonic() > deadline:
                return InDoubt(why=(
                    f"The connection to {self.name} was lost while {self._label} was committed. "
                    "Whether it is in shows when the server answers and our old session has ended."
                ))


@dataclass(frozen=True, kw_only=True)
class _Transaction:
    """From BEGIN to just before COMMIT. Each step returns what went wrong, or None."""

    session: Session
    watch: Watch
    job: Job
    name: str
    noting: Noting

    @property
    def _label(self) -> str:
        return f"{self.job.version} {self.job.name}".rstrip()

    def prepare(self) -> Failed | None:
        """Begin, keep everybody else from writing history until we have committed, and look at the head again.

        Readers of the history go on; a racing CLI waits at its own history row, and is undone by it.
        """
        try:
            for statement in ("begin", *self._limits()):
                self._run(statement)
            self._run(f"lock table {history.TABLE} in share row exclusive mode")
        except psycopg.Error as error:
            return self._failed(error, "before its first statement: something else is writing migration history")
        head = history.head(self.session.query)
        if head == self.job.head:
            return None
        return Failed(why=(
            f"{self.name} has moved: its newest migration is {head or 'none'}, not {self.job.head or 'none'} as approved. "
            f"Nothing of {self._label} was run. Look at what came in between, then ask for the promotion again."
        ))

    def execute(self, statements: list[Statement]) -> Failed | None:
        """The file's statements, one by one."""
        told = 0.0
        for number, statement in enumerate(statements, 1):
            if self.noting.stopping():
                return self._stopped(f"before statement {number} of {len(statements)}")
            if len(statements) <= _QUIET or time.monotonic() - told > 0.25:
                told = time.monotonic()
                self.noting.progress({"statement": number, "of": len(statements)})
            trouble = self._execute(number, statement, len(statements))
            if trouble:
                return trouble
        return None

    def _execute(self, number: int, statement: Statement, of: int) -> Failed | None:
        where = f"at statement {number} of {of}"
        try:
            self._run(statement.text)
        except psycopg.Error as error:
            if self.watch.cancelled:
                return self._stopped(where)
            return self._failed(error, where, number, statement)
        if not self.session.in_transaction:
            return Failed(statement=number, line=statement.line, sql=statement.text[:300], why=(
                f"Statement {number} of {self._label} ended the transaction that should hold the whole file. Statements "
                f"1 to {number} may be in {self.name} without a history row. Look at the database before anything else."
            ))
        if _may_loosen(statement):
            for limit in self._limits():
                self._run(limit)
        return None

    def record(self) -> Failed | None:
        """Check what the file deferred, take its settings away, and write the history row as the CLI would."""
        try:
            self._run("set constraints all immediate")
            self.session.claim_settings()
            row = self.session.query(
                f"insert into {history.TABLE} (version, name, statements) values (%s, %s, %s) returning version",  # noqa: S608  (our own words)
                self.job.version, self.job.name, list(history.stored(self.job.content)),
            )
        except psycopg.Error as error:
            return self._stopped("at its end") if self.watch.cancelled else self._failed(error, "after its last statement")
        if row != [(self.job.version,)] or not self.session.in_transaction:
            return Failed(why=f"The history row of {self._label} could not be written to {self.name}. Nothing of it is in.")
        return None

    def _run(self, statement: str) -> None:
        self.watch.begin()
        self.session.run(statement, self.watch.tick)

    def _limits(self) -> list[str]:
        """Our limits, unless stricter ones are in force: a file may tighten them, never loosen them."""
        wanted = {"lock_timeout": self.job.lock_timeout, "statement_timeout": self.job.statement_timeout}
        return [
            f"select set_config('{name}', '{milliseconds}', true) from pg_catalog.pg_settings where name = '{name}'"  # noqa: S608  (our own words)
            f" and not setting::bigint between 1 and {milliseconds}"
            for name, seconds in wanted.items() if (milliseconds := max(1, round(seconds * 1000)))
        ]

    def _stopped(self, where: str) -> Failed:
        return Failed(retry=True, why=(
            f"Stagedoor was asked to stop and rolled {self._label} back {where}. Nothing of it is in {self.name}."
        ))

    def _failed(self, error: psycopg.Error, where: str, number: int = 0, statement: Statement | None = None) -> Failed:
        return failed(self._label, error, where, number, statement, self.watch.blockers)


def _may_loosen(statement: Statement) -> bool:
    """Whether a statement may have changed the limits: pulled schemas begin with `SET lock_timeout = 0`."""
    if statement.first in ("SET", "RESET"):
        return True
    return statement.first in ("SELECT", "DO") and ("set_config" in statement.text or "_timeout" in statement.text)

"""The apply protocol for one transactional file (docs/apply.md): one call is one try, safe to repeat after a crash."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

import psycopg

from bot.domain.migration import Applied
from bot.errors import Refused, Unreachable
from bot.migrations import history, locks
from bot.migrations.attempt import Attempt
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.splitter import Statement
from bot.migrations.transaction import statements_to_run
from bot.migrations.trouble import failed, lost_before_commit, said, sentence
from bot.migrations.watch import Watch
from bot.ports import Done, Failed, InDoubt, Job, Noting


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

    def _decided(self, session: Session) -> Done | Failed | InDoubt | None:
        """What the history says about this version, if it says anything: it alone decides after a crash."""
        try:
            row = history.find(session.query, self.job.version)
        except psycopg.Error as error:
            why = f"The migration history of {self.name} could not be read: {said(error)}."
            return InDoubt(why=f"{why} Nothing new is begun.")
        if row:
            return self._found(row)
        if session.read_only:
            return Failed(why=f"{session.read_only} Nothing of {self._label} was run. Mend that, then try again.")
        self._make_history(session)
        return None

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

    def _found(self, row: Applied) -> Done | Failed:
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
        attempt = Attempt(session=session, watch=watch, job=self.job, name=self.name, noting=self.noting)
        begun = time.monotonic()
        try:
            trouble = attempt.prepare() or attempt.execute(statements) or attempt.record()
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
            tag = session.run("commit", watch.silence)
        except ConnectionLost:
            session.close()
            return self._clear_up()
        except psycopg.Error as error:
            trouble = failed(self._label, error, "when it was committed")
            return replace(trouble, retry=trouble.retry or watch.cancelled)
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

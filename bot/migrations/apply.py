"""The apply protocol for one file (docs/apply.md): one call is one try, safe to repeat after a crash."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

import psycopg

from bot.domain.migration import Applied
from bot.errors import Unreachable
from bot.migrations import history, locks
from bot.migrations.alone import Alone
from bot.migrations.attempt import Attempt
from bot.migrations.catalog.witness import Witness
from bot.migrations.keeping.keeping import Keeping, Missed
from bot.migrations.outside import Outside
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.splitter import Statement
from bot.migrations.transaction import statement_count
from bot.migrations.trouble import failed, lost_before_commit, said
from bot.migrations.watch import Watch
from bot.ports import Done, Failed, InDoubt, Job, Noting

COMMIT = 30.0
"""How many seconds a COMMIT may take, before it is looked from another connection what became of it."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long things may take, in seconds.

    Getting the lock, a statement once we must stop, a doubt to clear up, a look at all that a judgement needs.
    """

    lock: float = 10.0
    grace: float = 5.0
    doubt: float = 15.0
    look: float = 20.0


@dataclass(frozen=True, kw_only=True)
class Apply:
    """One try to put one file into one database. `fresh` opens another session, should this one be lost.

    Only the `first` file of a session can be one that an earlier try worked on, and has to take the lock. With a later
    one it is enough to look at the head of the history under the lock on it, as is done for every file.
    """

    session: Session
    name: str
    job: Job
    noting: Noting
    patience: Patience
    fresh: Callable[[], Session]
    first: bool

    def run(self, what: tuple[Statement, ...] | Alone) -> Done | Failed | InDoubt:
        """Put the file in, or find out that it is in already. Safe to run again after anything."""
        if before := (self._locked() or self._decided()) if self.first else None:
            return before
        if isinstance(what, Alone):
            return Outside(
                session=self.session, name=self.name, job=self.job, noting=self.noting, alone=what,
                grace=self.patience.grace,
            ).run()
        return self._put_in(what)

    # Before the file -----------------------------------------------------------------------------------------------

    def _locked(self) -> InDoubt | None:
        """Be the only Stagedoor that changes this database; a session of an earlier try is left to finish."""
        holder = locks.take(self.session, self.job.version, self.patience.lock, self.noting.stopping)
        if holder is None:
            session = self.session
            self.noting.note(
                "session", {"pid": session.pid, "started": session.started.isoformat(), "server": session.server},
            )
            return None
        if holder.same_version:
            return InDoubt(why=(
                f"An earlier session ({holder}) still works on {self.job.label} in {self.name}. "
                "Nothing new is begun until it has ended; then the history says whether the file is in."
            ))
        return InDoubt(why=(
            f"Another Stagedoor session ({holder}) is changing {self.name}. Nothing of {self.job.label} was run; "
            "it waits for that to end."
        ))

    def _decided(self) -> Done | Failed | InDoubt | None:
        """What the history says about this version, if it says anything: it alone decides after a crash."""
        try:
            row = history.find(self.session.query, self.job.version)
        except psycopg.Error as error:
            why = f"The migration history of {self.name} could not be read: {said(error)}."
            return InDoubt(why=f"{why} Nothing new is begun.")
        if row:
            return self._found(row)
        if self.session.read_only:
            why = f"{self.session.read_only} Nothing of {self.job.label} was run. Mend that, then try again."
            return Failed(why=why)
        self._make_history()
        return None

    def _make_history(self) -> None:
        """Make or complete the history table as the CLI does, in a transaction of its own.

        Not in the file's transaction: adding a column locks the table against readers, and that must last
        milliseconds. An empty history table that stays behind when the file fails is what the CLI leaves, too.
        """
        if not {"version", "name", "statements"} <= history.columns(self.session.query):
            self.session.script(f"begin; set local lock_timeout = '4s'; {'; '.join(history.CREATE)}; commit")

    def _found(self, row: Applied) -> Done | Failed:
        if history.same(self.job.content, row):
            return Done(seconds=0.0, statements=statement_count(self.job.content), recovered=True)
        known = "without its statements" if row.statements is None else "with other statements"
        return Failed(why=(
            f"{row.version} is in {self.name}'s history already, {known}. Nothing was run. "
            "Compare the file with what was applied, and give it a new version if it is new."
        ))

    # The file ------------------------------------------------------------------------------------------------------

    def _put_in(self, statements: tuple[Statement, ...], whole: bool = False) -> Done | Failed | InDoubt:
        session = self.session
        watch = Watch(
            session, self.noting.stopping, grace=self.patience.grace, lock_timeout=self.job.lock_timeout,
            statement_timeout=self.job.statement_timeout, longest_wait=self.job.lock_timeout,
        )
        witness = Witness(session, _holding(self.job.unread, statements)) if self.job.witness else None

        def kept(statement: str) -> None:
            watch.begin()
            session.run(statement, watch.tick)

        keeping = Keeping(
            session, record=self.job.attempt.partition(".")[0], version=self.job.version, run=kept, whole=whole,
        ) if self.job.keep else None
        attempt = Attempt(
            keeping=keeping, session=session, watch=watch, job=self.job, name=self.name, noting=self.noting,
            witness=witness,
        )
        begun = time.monotonic()
        try:
            trouble = attempt.prepare() or attempt.execute(statements) or attempt.record()
        except ConnectionLost as lost:
            return lost_before_commit(self.job.label, lost)
        except Missed:
            session.query("rollback")
            return self._put_in(statements, whole=True)
        if trouble:
            with suppress(psycopg.Error, ConnectionLost):
                session.query("rollback")
            return trouble
        return self._commit(watch) or Done(
            seconds=time.monotonic() - begun, statements=len(statements),
            seen=witness.told() if witness else attempt.told(),
        )

    def _commit(self, watch: Watch) -> Done | Failed | InDoubt | None:
        self.session.wait_for(COMMIT)
        try:
            tag = self.session.run("commit", lambda: None)  # which is never cancelled
        except ConnectionLost:
            self.session.close()
            return self._clear_up()
        except psycopg.Error as error:
            trouble = failed(self.job.label, error, "when it was committed")
            return replace(trouble, retry=trouble.retry or watch.cancelled)
        if tag != "COMMIT":
            return Failed(why=f"The server rolled {self.job.label} back instead of committing it. Nothing of it is in.")
        return None

    def _clear_up(self) -> Done | Failed | InDoubt:
        """The answer to COMMIT was lost: once no session of ours is left, the history row decides, and nothing else."""
        deadline = time.monotonic() + self.patience.doubt
        while True:
            left = deadline - time.monotonic()
            try:
                with closing(self.fresh()) as session:
                    if locks.take(session, self.job.version, max(left, 0), lambda: False) is None:
                        row = history.find(session.query, self.job.version)
                        return self._found(row) if row else Failed(retry=True, why=(
                            f"The connection to {self.name} was lost while {self.job.label} was committed, "
                            "and the server rolled it back: its history has no such row. Nothing of it is in."
                        ))
            except (Unreachable, ConnectionLost, psycopg.Error):
                time.sleep(min(0.5, max(left, 0)))
            if time.monotonic() > deadline:
                return InDoubt(why=(
                    f"The connection to {self.name} was lost while {self.job.label} was committed. "
                    "Whether it is in shows when the server answers and our old session has ended."
                ))


def _holding(lines: Sequence[int], statements: Sequence[Statement]) -> dict[int, list[int]]:
    """The statements, by number, that these lines may belong to: where several share a line, all of them."""
    found = {
        number: [line for line in lines if 0 <= line - statement.line <= statement.text.count("\n")]
        for number, statement in enumerate(statements, 1)
    }
    return {number: own for number, own in found.items() if own}

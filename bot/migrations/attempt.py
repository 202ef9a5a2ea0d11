"""One file in one transaction, from BEGIN to just before COMMIT."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from bot.domain.entry import Json
from bot.migrations import history
from bot.migrations.catalog.witness import Witness
from bot.migrations.keeping.keeping import Keeping
from bot.migrations.session import Session
from bot.migrations.splitter import Statement
from bot.migrations.trouble import TOOK_TOO_LONG, failed, short
from bot.migrations.watch import Seen, Watch, telling
from bot.ports import Failed, Job, Noting

_FEW = 200
_SETS = {"SET", "RESET"}
_CALLS = {"SELECT", "DO", "CALL", "WITH", "VALUES", "EXECUTE", "EXPLAIN"}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Each step returns what went wrong, or None. Raises `ConnectionLost`, `Missed`; nothing is committed here."""

    session: Session
    watch: Watch
    job: Job
    name: str
    noting: Noting
    witness: Witness | None = None
    keeping: Keeping | None = None
    begins: list[float] = field(default_factory=list)
    """When each statement began."""
    kept: list[dict[str, Json]] = field(default_factory=list)
    """What was kept before each statement; noted once the file may be committed."""

    def prepare(self) -> Failed | None:
        """Begin, keep everybody else from writing history until we have committed, and look at the head again.

        Readers of the history go on; a racing CLI waits at its own history row, and is undone by it.
        """
        limits = "; ".join(f"set local {name} = {milliseconds}" for name, milliseconds in self._limits().items())
        lock = f"lock table {history.TABLE} in share row exclusive mode"
        try:
            head = self._script(f"begin; {limits}; {lock}; {history.HEAD}")
            if self.witness:
                self.witness.begin()
        except psycopg.Error as error:
            return self._failed(error, "before its first statement, at locking the migration history")
        if head == self.job.head:
            return None
        return Failed(why=(
            f"{self.name} has moved: its newest migration is {head or 'none'}, not {self.job.head or 'none'} as "
            f"expected. Nothing of {self.job.label} was run. Look at what came in between, then ask again."
        ))

    def execute(self, statements: tuple[Statement, ...]) -> Failed | None:
        """The file's statements, one by one."""
        for number, statement in enumerate(statements, 1):
            if self.noting.stopping():
                return self._stopped(f"before statement {number} of {len(statements)}")
            if trouble := self._execute(number, statement, len(statements)):
                return trouble
        return None

    def _execute(self, number: int, statement: Statement, of: int) -> Failed | None:
        self.begins.append(time.monotonic())
        try:
            kept = self.keeping.before(number, statement) if self.keeping else []
            if self.witness:
                self.witness.before(number)
            tag = self._run(statement.text, telling(self.noting, number, of))
            if self.keeping and kept:
                self.keeping.after(tag)
                self.kept.append({"statement": number, "kept": list[Json](kept)})
            if self.witness and self.session.in_transaction:
                self.witness.after(number)
            if _may_loosen(statement) and self.session.in_transaction:
                self._tighten(statement)
        except psycopg.Error as error:
            return self._failed(error, f"at statement {number} of {of}", number, statement)
        if not self.session.in_transaction:
            return Failed(clean=False, statement=number, line=statement.line, sql=short(statement.text), why=(
                f"Statement {number} of {self.job.label} ended the transaction that should hold the whole file. "
                f"Statements 1 to {number} may be in {self.name} without a history row. "
                "Look at the database before anything else."
            ))
        return None

    def told(self) -> dict[str, Json]:
        """How long each statement's locks lasted, up to now; of very long files nothing."""
        now = time.monotonic()
        return {"lasted": [round(now - begun, 6) for begun in self.begins]} if len(self.begins) <= _FEW else {}

    def record(self) -> Failed | None:
        """Check what the file deferred, take its settings away, and write the history row as the CLI would."""
        try:
            if self.witness:
                self.witness.ending()
            self._script(f"set constraints all immediate; {self.session.claim()}")
            rows = self.session.query(
                f"insert into {history.TABLE} (version, name, statements) values (%s, %s, %s) returning version",  # noqa: S608  (our own words)
                self.job.version, self.job.name, list(history.stored(self.job.content)),
            )
            if self.witness:
                self.witness.finish()
        except psycopg.Error as error:
            return self._failed(error, "after its last statement")
        if rows != [(self.job.version,)] or not self.session.in_transaction:
            return Failed(why=(
                f"The history row of {self.job.label} could not be written to {self.name}: something there "
                "swallows it. It was rolled back; nothing of it is in."
            ))
        for kept in self.kept:
            self.noting.note("kept", kept)
        return None

    def _run(self, statement: str, still: Callable[[Seen], None]) -> str:
        self.watch.begin(still)
        return self.session.run(statement, self.watch.tick)

    def _script(self, statements: str) -> str | None:
        self.watch.begin()
        return self.session.script(statements, self.watch.tick)

    def _limits(self) -> dict[str, int]:
        """Our limits in milliseconds; 0 would mean none to Postgres."""
        wanted = {"lock_timeout": self.job.lock_timeout, "statement_timeout": self.job.statement_timeout}
        return {name: max(1, round(seconds * 1000)) for name, seconds in wanted.items()}

    def _tighten(self, statement: Statement) -> None:
        """Bring our limits back unless stricter ones are in force: a file may tighten them, never loosen them.

        And what we send is UTF-8, whatever the file says of itself: it would be read as something else without a word.
        """
        ours = [
            f"select pg_catalog.set_config(name, '{most}', true) from pg_catalog.pg_settings"  # noqa: S608  (our own words)
            f" where name = '{name}' and not setting::bigint between 1 and {most}"
            for name, most in self._limits().items()
        ]
        if statement.first in _SETS:
            ours.append("select pg_catalog.set_config('client_encoding', 'UTF8', true)")
        self._script("; ".join(ours))

    def _stopped(self, where: str) -> Failed:
        return Failed(retry=True, why=(
            f"Stagedoor was asked to stop and rolled {self.job.label} back {where}. Nothing of it is in {self.name}."
        ))

    def _failed(self, error: psycopg.Error, where: str, number: int = 0, statement: Statement | None = None) -> Failed:
        if self.watch.cancelled:
            return self._stopped(where)
        set_aside = self.watch.waited_too_long and error.sqlstate == TOOK_TOO_LONG
        return failed(self.job.label, error, where, number, statement, self.watch.blockers, set_aside=set_aside)


def _may_loosen(statement: Statement) -> bool:
    """Whether a statement may have changed the limits: pulled schemas begin with `SET lock_timeout = 0`.

    A function may do so as well, unseen. One that is called while rows are written is left to the watch.
    """
    return statement.first in _SETS or statement.first in _CALLS

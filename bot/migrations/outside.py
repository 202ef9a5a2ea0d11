"""One file whose only statement runs outside a transaction: what is there decides, before it and after it.

The statement and its history row cannot be one transaction. So what is about to run is noted before; an INVALID index
that it left is taken away again; the row is written right after, and a crash in between is decided by the catalog.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import psycopg

from bot.domain.entry import Json
from bot.migrations import history
from bot.migrations.alone import Alone, Kind
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.standing import Standing, standing
from bot.migrations.trouble import TOOK_TOO_LONG, failed, said, sentence
from bot.migrations.watch import Watch, telling
from bot.ports import Done, Failed, InDoubt, Job, Noting

_HARMLESS = (Kind.BUILD, Kind.DROP, Kind.REBUILD)
"""While these wait for others, nobody waits for them who reads or writes the table."""
_TAKEN = "42P07"
_CLEARING = 10.0
"""How many seconds a half-built index may take to go away after a failure; what stays is named and goes later."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """One try, on a session that holds Stagedoor's lock; the history has no row of this version."""

    session: Session
    name: str
    job: Job
    noting: Noting
    alone: Alone
    grace: float

    def run(self) -> Done | Failed | InDoubt:
        """Run the statement, unless what is there says that it ran, and write the row. Safe to run again."""
        try:
            return self._moved() or self._begun()
        except ConnectionLost as lost:
            return self._in_doubt(lost)
        except psycopg.Error as error:
            trouble = failed(self.job.label, error, "when it was looked at what is there", outside=True)
            return replace(trouble, clean=False, left=("what its statement may have left",))

    # Before --------------------------------------------------------------------------------------------------------

    def _moved(self) -> Failed | None:
        """What the history says of the head; nobody can be kept from writing to it for as long as an index is built."""
        head = self.session.query(history.HEAD)[0][0]
        if head == self.job.head:
            return None
        return Failed(why=(
            f"{self.name} has moved: its newest migration is {head or 'none'}, not {self.job.head or 'none'} as "
            f"expected. Nothing of {self.job.label} was run. Look at what came in between, then ask again."
        ))

    def _begun(self) -> Done | Failed | InDoubt:
        found, ours = standing(self.session, self.alone), self._earlier()
        if found.builder:
            return InDoubt(why=(
                f"Another session (pid {found.builder}), none of ours, is building {self.alone.name} in {self.name}. "
                f"Nothing of {self.job.label} was run; it waits for that to end."
            ))
        if refused := found.other or self._not_ours(found, ours):
            return Failed(why=f"{refused}. Nothing of {self.job.label} was run.")
        if ours and (found.done or (self._has_run(ours) and not found.broken)):
            return self._recorded("it was there, whole, from an earlier try; only its history row was missing", 0.0)
        before = ours.get("before") if ours else list[Json](found.broken)
        self._note("pending", before=before, said=f"{self.alone.about} runs alone, outside a transaction")
        if (broken := self._left(found, before)) and self._clears:
            try:
                self._drop(broken, self._patience)
            except psycopg.Error as error:
                return self._failed(error, "when what an earlier try had left half-built was dropped", before)
        return self._ran(found.instead or self.alone.statement.text, before)

    def _earlier(self) -> dict[str, Json]:
        """What an earlier try noted, if it was about the same thing and never came to an end."""
        was = self.job.begun
        mine = (was.get("kind"), was.get("name"), was.get("table")) == self._what
        return dict(was) if mine and was.get("state") in ("pending", "ran", "left") else {}

    def _has_run(self, ours: dict[str, Json]) -> bool:
        """Whether the server said of these very bytes that they ran, where the catalog cannot show it."""
        return ours.get("state") == "ran" and ours.get("sha256") == self._sha256

    @property
    def _sha256(self) -> str:
        return hashlib.sha256(self.job.content).hexdigest()

    @property
    def _what(self) -> tuple[str, str, str]:
        return str(self.alone.kind), self.alone.name, self.alone.table

    def _not_ours(self, found: Standing, ours: dict[str, Json]) -> str:
        """Why an index that some other hand made keeps this one out."""
        if ours or self.alone.kind is not Kind.BUILD:
            return ""
        if found.broken:
            return (
                f"{found.broken[0]} is there, INVALID, and no try of Stagedoor's left it. Whoever began it may still "
                f"want it; otherwise drop it: DROP INDEX CONCURRENTLY {found.broken[0]}. Then try again"
            )
        if found.done and not self.alone.if_exists:
            return (
                f"{self.alone.name} is there, valid and just as this file makes it, but not by Stagedoor. If it was "
                f"made by hand, `supabase migration repair --status applied {self.job.version}` writes the missing row"
            )
        return ""

    # The statement -------------------------------------------------------------------------------------------------

    def _ran(self, statement: str, before: Json) -> Done | Failed | InDoubt:
        watch = self._watch(self.noting.stopping)
        begun = time.monotonic()
        try:
            self._limit(self._patience, self.job.statement_timeout)
            watch.begin(telling(self.noting, 1, 1))
            self.session.run(statement, watch.tick)
        except psycopg.Error as error:
            return self._failed(error, "at its only statement", before, watch)
        seconds = time.monotonic() - begun
        found = standing(self.session, self.alone)
        if found.other or (self.alone.kind is Kind.BUILD and not found.done):
            why = found.other or f"{self.alone.name} is not there, valid, although the server said so"
            return Failed(clean=False, why=f"{why}. The history row of {self.job.label} was not written.")
        self._note("ran", before=before)
        return self._recorded("", seconds)

    @property
    def _patience(self) -> float:
        """How long it may wait for others' transactions, in seconds: as long as it likes where nobody waits for it."""
        return self.job.statement_timeout / 2 if self.alone.kind in _HARMLESS else self.job.lock_timeout

    def _limit(self, lock: float, statement: float) -> None:
        self.session.wait_for(statement)
        self.session.script(
            f"set lock_timeout = {max(1, round(lock * 1000))}; "
            f"set statement_timeout = {max(1, round(statement * 1000))}"
        )

    def _watch(self, stopping: Callable[[], bool]) -> Watch:
        return Watch(
            self.session, stopping, grace=self.grace, lock_timeout=self.job.lock_timeout,
            statement_timeout=self.job.statement_timeout,
        )

    # After a failure -----------------------------------------------------------------------------------------------

    def _failed(self, error: psycopg.Error, where: str, before: Json, watch: Watch | None = None) -> Failed:
        """Say what failed, and take away what it left half-built, unless Stagedoor has to end."""
        stopped = watch is not None and watch.cancelled
        trouble = failed(
            self.job.label, error, where, 1, self.alone.statement, _held_up_by(error, watch), outside=True,
        )
        if trouble.sqlstate == TOOK_TOO_LONG and not trouble.blockers:
            trouble = replace(trouble, why=f"{trouble.why} For a longer one raise statement_timeout under [apply].")
        found = standing(self.session, self.alone)
        if error.sqlstate == _TAKEN:  # somebody was faster: whatever bears the name now, it is none of ours
            found = Standing()
        if (broken := self._left(found, before)) and self._clears and not stopped:
            with suppress(psycopg.Error):
                self._drop(broken, min(_CLEARING, self._patience))
            found = standing(self.session, self.alone)
        if stopped:
            trouble = replace(trouble, retry=True, why=(
                f"Stagedoor was asked to stop and cancelled {self.alone.about} of {self.job.label}."
            ))
        broken = self._left(found, before)
        left = (f"{self.alone.name}, half detached",) if found.instead else broken
        self._note("left" if left else "cleared", before=before)
        return replace(trouble, clean=not left, left=left, why=f"{trouble.why} {self._what_is_left(found, broken)}")

    @property
    def _clears(self) -> bool:
        """Whether what is half-built has to go before the next try; a half-dropped index is what that drops."""
        return self.alone.kind is not Kind.DROP

    def _left(self, found: Standing, before: Json) -> tuple[str, ...]:
        """INVALID indexes of this statement that were not there before its first try."""
        known = before if isinstance(before, list) else []
        return tuple(name for name in found.broken if name not in known)

    def _what_is_left(self, found: Standing, broken: tuple[str, ...]) -> str:
        if found.instead:
            return f"It left {self.alone.name} half detached from {self.alone.table}. The next try finishes that."
        if not broken:
            return "Nothing of it is in." if self.alone.kind in _HARMLESS else "Its history row was not written."
        return (
            f"It left {', '.join(broken)} INVALID: queries do not use it, writes may still keep it up. The next try "
            "drops it first."
        )

    def _drop(self, broken: tuple[str, ...], patience: float) -> None:
        """Drop what is half-built, without locking readers or writers out."""
        for name in broken:
            self._note("dropping", said=f"Drops {name}, which is INVALID, left by a try that did not end")
            self._limit(patience, max(patience, 30.0))
            watch = self._watch(lambda: False)
            watch.begin()
            self.session.run(f"drop index concurrently if exists {name}", watch.tick)

    # The row -------------------------------------------------------------------------------------------------------

    def _recorded(self, how: str, seconds: float) -> Done | Failed | InDoubt:
        """Write the history row in a transaction of its own; what is in is in, whatever came to the history since."""
        row, session = self.job, self.session
        try:
            limit = f"set local lock_timeout = {max(1, round(row.lock_timeout * 1000))}"
            session.script(
                f"{session.claim()}; begin; {limit}; lock table {history.TABLE} in share row exclusive mode"
            )
            if there := history.find(session.query, row.version):
                session.script("rollback")
                if history.same(row.content, there):
                    return self._done("somebody else wrote the same row meanwhile", seconds)
                return Failed(clean=False, why=(
                    f"{self.alone.about} is in, but {row.version} came into {self.name}'s history meanwhile with "
                    "other statements. Look at both."
                ))
            session.query(
                f"insert into {history.TABLE} (version, name, statements) values (%s, %s, %s)",  # noqa: S608  (our own words)
                row.version, row.name, list(history.stored(row.content)),
            )
            session.run("commit", lambda: None)
        except psycopg.Error as error:
            with suppress(psycopg.Error, ConnectionLost):
                session.query("rollback")
            return Failed(
                retry=failed(row.label, error, "").retry, clean=False, left=("its missing history row",),
                sqlstate=error.sqlstate or "", why=sentence(
                    f"{self.alone.about} of {row.label} is in {self.name}, but its history row could not be written: "
                    f"{said(error)}. The next try writes only the row"
                ),
            )
        return self._done(how, seconds)

    def _done(self, how: str, seconds: float) -> Done:
        took = how or f"it ran alone, outside a transaction, and took {seconds:.1f} s; its history row followed"
        return Done(
            seconds=seconds, statements=1, recovered=bool(how) and not seconds,
            seen={"locks": [], "rows": {}}, said=f"{self.alone.about}: {took}",
        )

    def _in_doubt(self, lost: ConnectionLost) -> InDoubt:
        return InDoubt(why=(
            f"{sentence(str(lost))} How far {self.alone.about} of {self.job.label} came shows when {self.name} answers "
            "and our old session has ended; the catalog decides."
        ))

    def _note(self, state: str, before: Json = None, said: str = "") -> None:
        kind, name, table = self._what
        note: dict[str, Json] = {
            "state": state, "kind": kind, "name": name, "table": table, "said": said, "sha256": self._sha256,
        }
        self.noting.note("alone", note if state == "dropping" else {**note, "before": before})


def _held_up_by(error: psycopg.Error, watch: Watch | None) -> tuple[str, ...]:
    """Whom it waited for when it ended; whoever let it go before a long build timed out is not to blame."""
    if watch is None:
        return ()
    return watch.now if error.sqlstate == TOOK_TOO_LONG else watch.blockers

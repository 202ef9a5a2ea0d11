"""Takes a version back on staging: its proven way back and its history row go in one transaction, or nothing does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psycopg

from bot.domain.catalog import Snapshot
from bot.errors import Refused
from bot.migrations import history, locks
from bot.migrations.catalog.diff import differences
from bot.migrations.catalog.reading import snapshot
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.transaction import in_a_trial
from bot.migrations.trouble import said, sentence
from bot.ports import Job


def take_back(
    session: Session, job: Job, aim: Snapshot | None, patience: float, stopping: Callable[[], bool],
) -> bool:
    """Run the job's content and remove its version from the history; False when it is not there any more.

    `aim` is the catalog that it has to lead to. Raises `Refused`, with nothing changed, and `ConnectionLost`.
    """
    if holder := locks.take(session, job.version, patience, stopping):
        raise Refused(f"Another Stagedoor session ({holder}) is changing {session.name}. Nothing was taken back.")
    limits = {"lock_timeout": job.lock_timeout, "statement_timeout": job.statement_timeout}
    words = "; ".join(f"set local {name} = {max(1, round(seconds * 1000))}" for name, seconds in limits.items())
    session.wait_for(job.statement_timeout)
    try:
        session.script(f"begin; {words}; lock table {history.TABLE} in share row exclusive mode")
        if history.find(session.query, job.version) is None:
            return False
        _run(session, job)
        _compare(session, aim)
        session.script("commit")
    except psycopg.Error as error:
        raise Refused(sentence(f"{job.label} could not be taken back, nothing changed: {said(error)}")) from None
    finally:
        with suppress(psycopg.Error, ConnectionLost):
            session.script("rollback")
    return True


def _run(session: Session, job: Job) -> None:
    head = session.query(history.HEAD)[0][0]
    if head != job.version:
        raise Refused(f"{session.name} is at {head} by now: take that back first, or give the file a newer version.")
    for statement in in_a_trial(job.content):
        session.run(statement, lambda: None)
    session.script(f"set constraints all immediate; {session.claim()}")
    session.query(f"delete from {history.TABLE} where version = %s", job.version)  # noqa: S608  (our own words)


def _compare(session: Session, aim: Snapshot | None) -> None:
    """What was proven once must lead there today, too: somebody may have changed staging by hand since."""
    found = differences(aim, snapshot(session.connection)) if aim else ()
    if found:
        few = ", ".join(str(one) for one in found[:3])
        raise Refused(f"Its way back leads elsewhere by now, so nothing was taken back: {few}.")

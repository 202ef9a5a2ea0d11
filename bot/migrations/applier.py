"""Puts files into one database one after the other, over one session for as long as all goes well."""

from __future__ import annotations

import psycopg

from bot.errors import Refused, Unreachable, Unrecorded
from bot.migrations import locks
from bot.migrations.apply import Apply, Patience
from bot.migrations.session import ConnectionLost, Session
from bot.migrations.transaction import alone_in, statements_to_run
from bot.migrations.trouble import failed, sentence
from bot.ports import Done, Failed, InDoubt, Job, Noting


class PostgresApplier:
    """The port `Applier`. A new session is proven and takes Stagedoor's lock; the next file finds it as good as new."""

    def __init__(self, url: str, name: str, patience: Patience) -> None:
        self._url = url
        self._name = name
        self._patience = patience
        self._session: Session | None = None
        self._before = ""

    def apply(self, job: Job, noting: Noting) -> Done | Failed | InDoubt:
        """One try at one file. After anything but success the next try gets a new session."""
        outcome = self._tried(job, noting)
        self._before = job.version
        # Advisory locks that a file takes would be held, and hold up others, for as long as the session lasts.
        if not isinstance(outcome, Done) or b"advisory" in job.content.lower():
            self.close()
        return outcome

    def close(self) -> None:
        """End the session, and with it Stagedoor's lock."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _tried(self, job: Job, noting: Noting) -> Done | Failed | InDoubt:
        try:
            what = alone_in(job.content) or statements_to_run(job.content)
        except Refused as refused:
            return Failed(why=f"{refused} Nothing of it was run.")
        if noting.stopping():
            return InDoubt(why=f"Stagedoor was asked to stop before it looked into {self._name}; nothing was begun.")
        try:
            session, first = self._ready(job)
            apply = Apply(
                session=session, name=self._name, job=job, noting=noting, patience=self._patience, first=first,
                fresh=lambda: self._opened(job),
            )
            return apply.run(what)
        except Refused as refused:
            return Failed(why=str(refused))
        except Unrecorded as away:
            why = f"{sentence(str(away))} Nothing new is begun until the journal answers"
            return InDoubt(why=f"{why}; then {self._name} itself says whether {job.label} is in.")
        except (Unreachable, ConnectionLost) as trouble:
            return InDoubt(why=f"{sentence(str(trouble))} Whether {job.label} is in shows when {self._name} answers.")
        except psycopg.Error as error:
            return failed(job.label, error, "before the file was begun")

    def _ready(self, job: Job) -> tuple[Session, bool]:
        """A session for this file, and whether it is a new one. One that lost the lock is given up."""
        if self._session is not None:
            if self._session.begin_anew(f"stagedoor:{job.attempt}", locks.keep(self._before, job.version)) == "t":
                return self._session, False
            self.close()
        self._session = self._opened(job)
        return self._session, True

    def _opened(self, job: Job) -> Session:
        return Session.opened(self._url, self._name, f"stagedoor:{job.attempt}")

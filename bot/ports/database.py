"""The port of one environment's Postgres."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.catalog import Snapshot
from bot.domain.forgone import Forgone
from bot.domain.migration import Applied
from bot.domain.moment import Moment
from bot.domain.returning import Returning
from bot.domain.way_back import Change, WayBack
from bot.errors import Refused
from bot.ports.applying import Applier, Job


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """Rows that a promotion destroyed and that are kept inside the database: of which tables, how many, since when."""

    record: str
    tables: tuple[str, ...]
    rows: int
    since: datetime
    restored: bool
    outcome: tuple[Returning, ...] = ()
    """What became of them, once they were put back."""


class Busy(Refused):
    """Others hold what is needed; nothing was changed, and the same may go well later."""


class Moved(Refused):
    """It would do more than was approved by `now`; nothing was changed."""

    def __init__(self, message: str, *, now: tuple[Returning, ...]) -> None:
        super().__init__(message)
        self.now = now


class Database(Protocol):
    """One environment's Postgres, seen through the migration history and the apply protocol."""

    def history(self) -> tuple[Applied, ...]:
        """The rows of the Supabase CLI's history table in version order; empty when the table does not exist.

        Raises `Unreachable` when the server does not answer.
        """
        ...

    def moment(self) -> Moment:
        """All that a judgement reads of it, at once, within seconds. Raises `Unreachable`."""
        ...

    def activity(self) -> int:
        """How many transactions this database has ended since its counters began."""
        ...

    def identity(self) -> str:
        """What the server says it is: database, address and version, without secrets."""
        ...

    def applier(self) -> AbstractContextManager[Applier]:
        """Puts files in, over one session for as long as all goes well; the session ends with the context."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """About how many rows each table of the user's schemas holds, by `schema.table`. Raises `Unreachable`."""
        ...

    def index_scans(self) -> Mapping[str, int]:
        """How often each index of the user's schemas was scanned, by `schema.index`. Raises `Unreachable`."""
        ...

    def uncompiled(self) -> Mapping[str, str]:
        """The functions of the user's schemas that do not compile, and why. Raises `Unreachable`."""
        ...

    def counts(self, tables: Sequence[str]) -> Mapping[str, int]:
        """Exact counts of tables, by their names as SQL writes them; large ones are left out. Raises `Unreachable`."""
        ...

    def forgone(self, gone: Sequence[tuple[str, str]], version: str, seconds: float) -> tuple[Forgone, ...]:
        """Rows in these tables and columns (empty: the whole table), and how many came since a version went in.

        Takes `seconds` at most once connected, waits for nobody's lock, and says of what it could not count why.
        Raises `Unreachable`.
        """
        ...

    def kept_rows(self) -> tuple[KeptRows, ...]:
        """What is kept inside this database, by promotion, newest first. Raises `Unreachable`."""
        ...

    def going_back(self, record: str) -> tuple[Returning, ...]:
        """What would become of the kept rows of a promotion now. Raises `Refused` and `Unreachable`."""
        ...

    def put_back(
        self, record: str, approved: tuple[Returning, ...], lock_timeout: float, stopping: Callable[[], bool],
    ) -> tuple[Returning, ...]:
        """Put the kept rows of a promotion back, in one transaction, as far as that was approved.

        Raises `Refused` (`Busy`, `Moved`) with nothing changed, `Unreachable` where that is not known.
        """
        ...

    def forget_rows(self, record: str) -> None:
        """Take away the kept rows of a promotion for good. Raises `Unreachable`."""
        ...

    def holds(self, sql: str) -> bool:
        """Whether a question answers with one true; it can change nothing. Raises `Refused` and `Unreachable`."""
        ...

    def leftovers(self) -> tuple[str, ...]:
        """INVALID indexes and NOT VALID constraints of user schemas, as sentences, sorted."""
        ...

    def catalog(self) -> Snapshot:
        """What the user schemas hold, by name. Raises `Unreachable`."""
        ...

    def prove(
        self, changes: Sequence[Change], *, attempt: str, lock_timeout: float, statement_timeout: float,
        stopping: Callable[[], bool],
    ) -> tuple[WayBack, ...]:
        """Try the way back from the newest files and up again, in one transaction that is rolled back.

        What no transaction can hold is tried as it is written, in a scratch database beside it.

        Raises `Unreachable`, and `Refused` while another Stagedoor session changes this database.
        """
        ...

    def take_back(self, job: Job, aim: Snapshot | None, stopping: Callable[[], bool]) -> bool:
        """Run the way back that `job` holds and remove its version from the history, in one transaction.

        False when the version is not there any more. Raises `Unreachable`, and `Refused` with nothing changed.
        """
        ...

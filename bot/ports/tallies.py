"""The port of the accounts: what the logs said, counted in the journal's own store, beside the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.answers import Counts, Service
from bot.domain.project import Environment
from bot.domain.sighting import Batch, Fault, Folded, Gap, Reach, Sample, Source


class Tallies(Protocol):
    """Counts by fingerprint. All times are aware and UTC; spans are from `begin` to just before `end`."""

    def fold(self, batches: Sequence[Batch]) -> Folded:
        """Count what was not counted before, and note how far was read, durably and in one transaction.

        A sighting whose mark is known adds nothing; `Reach` replaces that of its channel, except that `up_to` and
        `heard` never go back. Raises `Unreachable` with nothing written.
        """
        ...

    def known(self, marks: Sequence[int]) -> set[int]:
        """Which of these were counted before, whichever channel brought them."""
        ...

    def fault(self, project: str, environment: Environment, fingerprint: str) -> Fault | None:
        """The account of one fingerprint."""
        ...

    def faults(self, project: str, environment: Environment, seen_since: datetime | None = None) -> list[Fault]:
        """Accounts of an environment, the most recently seen first."""
        ...

    def touched(self, since: int, limit: int = 1000) -> list[Fault]:
        """Accounts that a fold after number `since` changed, in the order of their folds.

        Whoever judges keeps the number of the last one it has dealt with, and so misses none over a crash. An
        account that is touched again meanwhile moves to the end. All accounts of one fold come in one answer, so
        that it may be longer than `limit`.
        """
        ...

    def per_minute(
        self, project: str, environment: Environment, fingerprint: str, begin: datetime, end: datetime,
    ) -> dict[datetime, int]:
        """Counts by full minute of the event's time; minutes without any are left out. Kept for three days."""
        ...

    def per_hour(
        self, project: str, environment: Environment, fingerprint: str, begin: datetime, end: datetime,
    ) -> dict[datetime, int]:
        """Counts by full hour; kept for nine weeks. `sighting.baseline` makes the hours of the week of it."""
        ...

    def answers(
        self, project: str, environment: Environment, begin: datetime, end: datetime, *, hours: bool = False,
    ) -> Mapping[tuple[Service, Source], Mapping[datetime, Counts]]:
        """How each service answered, as each log told it, by full minute (kept for three days) or hour (nine weeks)."""
        ...

    def samples(self, project: str, environment: Environment, fingerprint: str) -> list[Sample]:
        """Messages as they came, newest first; for operators alone."""
        ...

    def erase_samples(self, project: str, environment: Environment, fingerprint: str) -> int:
        """Take them away for good; returns how many."""
        ...

    def reached(self, project: str, environment: Environment) -> Mapping[str, Reach]:
        """How far each channel was read, by `poll` and `drain`. `read_up_to` makes one time of it."""
        ...

    def gaps(self, project: str, environment: Environment, since: datetime) -> list[Gap]:
        """Spans that were never seen and end after `since`, oldest first."""
        ...

    def prune_tallies(self, now: datetime) -> None:
        """Let go of marks, minutes, hours, samples and gaps that are past their time."""
        ...


def read_up_to(reached: Mapping[str, Reach]) -> datetime | None:
    """Up to where the logs were read by whichever channel got farthest; None when none was ever read."""
    return max((reach.up_to for channel, reach in reached.items() if channel in ("poll", "drain")), default=None)

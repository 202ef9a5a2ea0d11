"""The port `Tallies` over whatever lends a transaction: folds, and what is read of them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.adapters.tallying import answering
from bot.adapters.tallying.folding import fold
from bot.adapters.tallying.hits import decoded
from bot.adapters.tallying.transaction import (
    Transaction,
    cell,
    hour_of,
    micros,
    minute_of,
    moment_of,
    number_in,
)
from bot.domain.answers import Counts, Service
from bot.domain.project import Environment
from bot.domain.sighting import (
    AGREED,
    COUNTED,
    DEDUPLICATED,
    Batch,
    Fault,
    Folded,
    Gap,
    Reach,
    Sample,
    Severity,
    Source,
)
from bot.scrub import Scrubber

CHANNELS = ("poll", "drain", COUNTED, AGREED)
KEEP_MINUTES = timedelta(days=3)
KEEP_HOURS = timedelta(weeks=9)
KEEP_GAPS = timedelta(days=90)

_FAULT = (
    "select project, environment, fingerprint, source, severity, sqlstate, template, objects, first_seen, last_seen, "
    "total, place, fold, hits from stagedoor.faults "
)
_ONE = "where project = %s and environment = %s and fingerprint = %s"


class Accounts(ABC):
    """What a journal adapter becomes `Tallies` with."""

    _scrub: Scrubber

    @abstractmethod
    def _counting(self) -> AbstractContextManager[Transaction]:
        """A write transaction, in turn with every other writer of the chain."""

    @abstractmethod
    def _looking(self) -> AbstractContextManager[Transaction]:
        """A reading one."""

    def fold(self, batches: Sequence[Batch]) -> Folded:
        with self._counting() as tx:
            return fold(tx, batches, self._scrub)

    def known(self, marks: Sequence[int]) -> set[int]:
        if not marks:
            return set()
        places = ", ".join("%s" for _ in marks)
        with self._looking() as tx:
            return {int(row[0]) for row in tx.rows(f"select mark from stagedoor.marks where mark in ({places})", marks)}

    def fault(self, project: str, environment: Environment, fingerprint: str) -> Fault | None:
        with self._looking() as tx:
            found = tx.rows(_FAULT + _ONE, (project, environment, fingerprint))
        return _fault(found[0]) if found else None

    def faults(self, project: str, environment: Environment, seen_since: datetime | None = None) -> list[Fault]:
        since = micros(seen_since) if seen_since else 0
        with self._looking() as tx:
            found = tx.rows(
                _FAULT + "where project = %s and environment = %s and last_seen >= %s order by last_seen desc, place",
                (project, environment, since),
            )
        return [_fault(row) for row in found]

    def touched(self, since: int, limit: int = 1000) -> list[Fault]:
        with self._looking() as tx:
            last = tx.rows(
                "select fold from stagedoor.faults where fold > %s order by fold limit 1 offset %s", (since, limit - 1),
            )
            upper = int(last[0][0]) if last else 1 << 62
            found = tx.rows(_FAULT + "where fold > %s and fold <= %s order by fold, place", (since, upper))
        return [_fault(row) for row in found]

    def per_minute(
        self, project: str, environment: Environment, fingerprint: str, begin: datetime, end: datetime,
    ) -> dict[datetime, int]:
        return self._counts("minutes", (project, environment, fingerprint), minute_of(begin), minute_of(end), 60)

    def per_hour(
        self, project: str, environment: Environment, fingerprint: str, begin: datetime, end: datetime,
    ) -> dict[datetime, int]:
        return self._counts("hours", (project, environment, fingerprint), hour_of(begin), hour_of(end), 3600)

    def answers(
        self, project: str, environment: Environment, begin: datetime, end: datetime, *, hours: bool = False,
    ) -> dict[tuple[Service, Source], dict[datetime, Counts]]:
        with self._looking() as tx:
            return answering.read(tx, project, environment, begin, end, hours=hours)

    def samples(self, project: str, environment: Environment, fingerprint: str) -> list[Sample]:
        with self._looking() as tx:
            found = tx.rows(
                "select at, expires, text from stagedoor.samples where fault = "
                f"(select place from stagedoor.faults {_ONE}) order by place desc", (project, environment, fingerprint),
            )
        return [Sample(at=moment_of(at), expires=moment_of(expires), text=text) for at, expires, text in found]

    def erase_samples(self, project: str, environment: Environment, fingerprint: str) -> int:
        with self._counting() as tx:
            return len(tx.rows(
                f"delete from stagedoor.samples where fault = (select place from stagedoor.faults {_ONE}) "
                "returning place",
                (project, environment, fingerprint),
            ))

    def reached(self, project: str, environment: Environment) -> Mapping[str, Reach]:
        names = {f"{project}/{environment}/{channel}": channel for channel in CHANNELS}
        with self._looking() as tx:
            found = tx.rows(
                "select name, up_to, heard, cursor from stagedoor.reaches "
                f"where name in ({', '.join('%s' for _ in names)})", tuple(names),
            )
        return {
            names[name]: Reach(
                project=project, environment=environment, channel=names[name], up_to=moment_of(up_to),
                heard=moment_of(heard), cursor=cursor,
            )
            for name, up_to, heard, cursor in found
        }

    def gaps(self, project: str, environment: Environment, since: datetime) -> list[Gap]:
        with self._looking() as tx:
            found = tx.rows(
                "select begun, ended, why from stagedoor.gaps where project = %s and environment = %s and ended > %s "
                "order by begun, place", (project, environment, micros(since)),
            )
        return [
            Gap(project=project, environment=environment, begin=moment_of(begun), end=moment_of(ended), why=why)
            for begun, ended, why in found
        ]

    def prune_tallies(self, now: datetime) -> None:
        """One transaction a table, so that no writer waits long for it."""
        for sql, border in (
            ("marks where hour < %s", hour_of(now - DEDUPLICATED)),
            ("samples where expires <= %s", micros(now)),
            ("gaps where ended < %s", micros(now - KEEP_GAPS)),
            ("faults where last_seen < %s", micros(now - KEEP_HOURS)),
        ):
            with self._counting() as tx:
                tx.rows(f"delete from stagedoor.{sql}", (border,))
        with self._counting() as tx:
            answering.prune(tx, now - KEEP_MINUTES, now - KEEP_HOURS)
        for table, border in (("minutes", minute_of(now - KEEP_MINUTES)), ("hours", hour_of(now - KEEP_HOURS))):
            self._prune_cells(table, border)

    def _prune_cells(self, table: str, border: int) -> None:
        with self._looking() as tx:
            places = [int(row[0]) for row in tx.rows("select place from stagedoor.faults order by place")]
        # Cells of accounts that are gone lie between those of the ones that are there.
        with self._counting() as tx:
            tx.many(
                f"delete from stagedoor.{table} where cell >= %s and cell < %s",
                [
                    *((cell(before + 1, 0), cell(place, border)) for before, place in pairwise([0, *places])),
                    (cell(max(places, default=0) + 1, 0), 1 << 62),
                ],
            )

    def _counts(
        self, table: str, key: tuple[str, str, str], begin: int, end: int, seconds: int,
    ) -> dict[datetime, int]:
        with self._looking() as tx:
            found = tx.rows(f"select place from stagedoor.faults {_ONE}", key)
            if not found:
                return {}
            place = int(found[0][0])
            cells = tx.rows(
                f"select cell, count from stagedoor.{table} where cell >= %s and cell < %s order by cell",
                (cell(place, begin), cell(place, end)),
            )
        return {moment_of(number_in(stored) * seconds * 1_000_000): int(count) for stored, count in cells}


def _fault(row: tuple[Any, ...]) -> Fault:
    (project, environment, fingerprint, source, severity, sqlstate, template, objects, first, last, total, place, fold,
     hits) = row
    return Fault(
        project=project, environment=Environment(environment), fingerprint=fingerprint, source=Source(source),
        severity=Severity(severity), sqlstate=sqlstate, template=template, objects=tuple(json.loads(objects)),
        first_seen=moment_of(first), last_seen=moment_of(last), total=int(total), place=int(place), fold=int(fold),
        hits=decoded(hits),
    )

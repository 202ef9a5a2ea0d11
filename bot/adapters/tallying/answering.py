"""How the services answered, as both stores keep it: requests and failures by minute and by hour."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.adapters.tallying.transaction import Transaction, hour_of, minute_of, moment_of
from bot.domain.answers import OF_SOURCE, Counts, Service, service_of_template
from bot.domain.project import Environment
from bot.domain.sighting import Asked, Severity, Sighting, Source

_COUNT = (
    "insert into stagedoor.{table} as t (name, asked, failed) values (%s, %s, %s) "
    "on conflict (name) do update set asked = t.asked + excluded.asked, failed = t.failed + excluded.failed"
)
_DIGITS = 9
"""Of a minute or an hour since 1970, so that names are in the order of time."""

KEPT = (*((service, Source.EDGE) for service in Service), *((service, source) for source, service in OF_SOURCE.items()))
"""What of a project is counted apart: each service as the gateway's log and as its own log show it."""


def count(tx: Transaction, asked: Iterable[Asked], groups: Iterable[Sequence[Sighting]]) -> None:
    """Add requests, and those of the new sightings that are failing ones, in the caller's transaction."""
    requests, failures = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for each in asked:
        requests[_name(each.project, each.environment, each.service, each.source), each.minute] += each.count
    for group in groups:
        if group[0].severity is Severity.HTTP_5XX:
            one = group[0]
            service = service_of_template(one.source, one.template)
            name = _name(one.project, one.environment, service, one.source)
            failures.update((name, minute_of(sighting.at)) for sighting in group)
    minutes = {key: (requests[key], failures[key]) for key in {*requests, *failures}}
    hours: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for (name, minute), (all_, bad) in minutes.items():
        hours[name, minute // 60][0] += all_
        hours[name, minute // 60][1] += bad
    for table, counts in (("answers_minutes", minutes), ("answers_hours", hours)):
        if counts:
            tx.many(_COUNT.format(table=table), [(_at(*key), *both) for key, both in sorted(counts.items())])


def read(
    tx: Transaction, project: str, environment: Environment, begin: datetime, end: datetime, *, hours: bool,
) -> dict[tuple[Service, Source], dict[datetime, Counts]]:
    """The counts of an environment by service and log, and by full minute or hour."""
    table, of, seconds = ("answers_hours", hour_of, 3600) if hours else ("answers_minutes", minute_of, 60)
    found: dict[tuple[Service, Source], dict[datetime, Counts]] = {}
    for key in KEPT:
        name = _name(project, environment, *key)
        rows = tx.rows(
            f"select name, asked, failed from stagedoor.{table} where name >= %s and name < %s order by name",
            (_at(name, of(begin)), _at(name, of(end))),
        )
        if rows:
            found[key] = {
                moment_of(int(named[-_DIGITS:]) * seconds * 1_000_000): (int(asked), int(failed))
                for named, asked, failed in rows
            }
    return found


def prune(tx: Transaction, minutes_before: datetime, hours_before: datetime) -> None:
    for table, border in (("minutes", minute_of(minutes_before)), ("hours", hour_of(hours_before))):
        tx.rows(
            f"delete from stagedoor.answers_{table} where substr(name, length(name) - {_DIGITS - 1}) < %s",
            (f"{border:0{_DIGITS}}",),
        )


def _name(project: str, environment: str, service: str, source: str) -> str:
    return f"{project}/{environment}/{service}/{source}"


def _at(name: str, span: int) -> str:
    return f"{name}/{span:0{_DIGITS}}"

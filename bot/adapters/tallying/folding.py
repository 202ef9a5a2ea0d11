"""One fold: sightings that were not counted before are added up and written, in the caller's transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b

from bot.adapters.links import storable
from bot.adapters.tallying import answering
from bot.adapters.tallying.hits import decoded, encoded, merged
from bot.adapters.tallying.transaction import Transaction, cell, hour_of, micros, minute_of, moment_of
from bot.domain.sighting import Batch, Fault, Folded, Gap, Reach, Severity, Sighting
from bot.scrub import Scrubber

SAMPLES = 5
"""Samples kept of one fault; a new one every `SAMPLE_EVERY` at most."""
SAMPLE_EVERY = timedelta(minutes=10)
SAMPLE_LIFE = timedelta(days=7)
LONGEST_SAMPLE = 4000
"""Characters; a message may have 100,000."""

MOST_NEW = 1000
"""New faults an hour of one environment that get an account of their own. Whoever may ask the database anything can
make new ones without end; beyond this they share one account by severity and state. FATAL and PANIC never do."""

_KNOWN = (
    "select place, first_seen, last_seen, total, sampled, hits, template from stagedoor.faults "
    "where project = %s and environment = %s and fingerprint = %s"
)
_OPEN = (
    "insert into stagedoor.faults (project, environment, fingerprint, source, severity, sqlstate, template, objects, "
    "first_seen, last_seen, total, sampled, hits, fold) "
    "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning place"
)
_UPDATE = (
    "update stagedoor.faults set first_seen = %s, last_seen = %s, total = %s, sampled = %s, hits = %s, fold = %s "
    "where place = %s"
)
_COUNT = (
    "insert into stagedoor.{table} as t (cell, count) values (%s, %s) "
    "on conflict (cell) do update set count = t.count + excluded.count"
)
_NUMBER = (
    "insert into stagedoor.numbers as n (series, last) values ('fold', 1) "
    "on conflict (series) do update set last = n.last + 1 returning last"
)
_REACH = (
    "insert into stagedoor.reaches as r (name, up_to, heard, cursor) values (%s, %s, %s, %s) "
    "on conflict (name) do update set "
    "up_to = case when excluded.up_to > r.up_to then excluded.up_to else r.up_to end, "
    "heard = case when excluded.heard > r.heard then excluded.heard else r.heard end, cursor = excluded.cursor"
)


def fold(tx: Transaction, batches: Sequence[Batch], scrub: Scrubber) -> Folded:
    """Count, and note how far was read."""
    all_ = [sighting for batch in batches for sighting in batch.sightings]
    groups = _fresh(tx, all_)
    number = int(tx.rows(_NUMBER)[0][0]) if groups else 0
    minutes, hours = Counter[int](), Counter[int]()
    faults = {(one := _account(tx, group, number, scrub, minutes, hours)).place: one for group in groups}
    for table, counts in (("minutes", minutes), ("hours", hours)):
        if counts:
            tx.many(_COUNT.format(table=table), sorted(counts.items()))
    answering.count(tx, [each for batch in batches for each in batch.asked], groups)
    _note(tx, [reach for batch in batches for reach in batch.reached], [gap for batch in batches for gap in batch.gaps])
    counted = sum(map(len, groups))
    return Folded(fold=number, counted=counted, again=len(all_) - counted, faults=list(faults.values()))


def reach_name(reach: Reach) -> str:
    return f"{reach.project}/{reach.environment}/{reach.channel}"


def _fresh(tx: Transaction, sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """The sightings whose marks are new, by fault, in the order of their first coming."""
    once: dict[int, Sighting] = {}
    for sighting in sightings:
        once.setdefault(sighting.mark, sighting)
    hours: dict[int, list[int]] = {}
    for mark, sighting in once.items():
        hours.setdefault(hour_of(sighting.at), []).append(mark)
    new = {mark for hour, marks in hours.items() for mark in tx.keep_marks(marks, hour)}
    groups: dict[tuple[str, str, str], list[Sighting]] = {}
    for mark, sighting in once.items():
        if mark in new:
            key = (sighting.project, sighting.environment, sighting.fingerprint)
            groups.setdefault(key, []).append(sighting)
    return list(groups.values())


def _account(
    tx: Transaction, group: Sequence[Sighting], number: int, scrub: Scrubber, minutes: Counter[int],
    hours: Counter[int],
) -> Fault:
    one = group[0]
    times = [micros(sighting.at) for sighting in group]
    first, last, total = min(times), max(times), len(group)
    found = tx.rows(_KNOWN, (one.project, one.environment, one.fingerprint))
    if not found and _too_many(tx, one, last):
        one = _rest(one)
        found = tx.rows(_KNOWN, (one.project, one.environment, one.fingerprint))
    template = str(found[0][6]) if found else storable(scrub(one.template))
    sampled, hits = (int(found[0][4]), str(found[0][5])) if found else (0, "")
    sample = next((s.sample for s in group if s.sample), "") if last - sampled >= SAMPLE_EVERY // _MICRO else ""
    known = decoded(hits)
    if (now_known := merged(known, group)) is not known:
        hits = encoded(now_known)
    if found:
        place = int(found[0][0])
        first, last, total = min(first, found[0][1]), max(last, found[0][2]), total + int(found[0][3])
        tx.rows(_UPDATE, (first, last, total, last if sample else sampled, hits, number, place))
    else:
        place = int(tx.rows(_OPEN, (
            one.project, one.environment, one.fingerprint, one.source, one.severity, one.sqlstate, template,
            json.dumps(one.objects), first, last, total, last if sample else 0, hits, number,
        ))[0][0])
    for sighting in group:
        minutes[cell(place, minute_of(sighting.at))] += 1
        hours[cell(place, hour_of(sighting.at))] += 1
    if sample:
        _keep_sample(tx, place, last, scrub(sample))
    return Fault(
        project=one.project, environment=one.environment, fingerprint=one.fingerprint, source=one.source,
        severity=one.severity, sqlstate=one.sqlstate, template=template, objects=one.objects,
        first_seen=moment_of(first), last_seen=moment_of(last), total=total, place=place, fold=number, hits=now_known,
    )


def _too_many(tx: Transaction, one: Sighting, last: int) -> bool:
    if one.severity in (Severity.FATAL, Severity.PANIC):
        return False
    since = last - timedelta(hours=1) // _MICRO
    return bool(tx.rows(
        "select 1 from stagedoor.faults where project = %s and environment = %s and last_seen >= %s "
        f"and first_seen >= %s limit 1 offset {MOST_NEW - 1}", (one.project, one.environment, since, since),
    ))


def _rest(one: Sighting) -> Sighting:
    """What stands for all the faults that are too many."""
    name = f"{one.source} {one.severity} {one.sqlstate}".strip()
    fingerprint = blake2b(f"rest {name}".encode(), digest_size=8).hexdigest()
    return replace(
        one, fingerprint=fingerprint, objects=(), query="",
        template=f"{name}: other faults, since more than {MOST_NEW:,} new ones came within an hour",
    )


_MICRO = timedelta(microseconds=1)


def _keep_sample(tx: Transaction, place: int, at: int, text: str) -> None:
    text = storable(text[:LONGEST_SAMPLE]).replace("\0", "\N{REPLACEMENT CHARACTER}")
    expires = at + SAMPLE_LIFE // _MICRO
    tx.rows(
        "insert into stagedoor.samples (fault, at, expires, text) values (%s, %s, %s, %s) returning place",
        (place, at, expires, text),
    )
    tx.many(
        "delete from stagedoor.samples where fault = %s and place not in "
        f"(select place from stagedoor.samples where fault = %s order by place desc limit {SAMPLES})",
        [(place, place)],
    )


def _note(tx: Transaction, reaches: Sequence[Reach], gaps: Sequence[Gap]) -> None:
    if reaches:
        rows = [(reach_name(reach), micros(reach.up_to), micros(reach.heard), reach.cursor) for reach in reaches]
        tx.many(_REACH, rows)
    if gaps:
        tx.many(
            "insert into stagedoor.gaps (project, environment, begun, ended, why) values (%s, %s, %s, %s, %s)",
            [(gap.project, gap.environment, micros(gap.begin), micros(gap.end), gap.why) for gap in gaps],
        )

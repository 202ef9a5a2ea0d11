"""The contract of the accounts: what the logs said, counted once, whatever comes twice, late or after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.adapters.tallying import folding
from bot.domain.answers import Service
from bot.domain.project import Environment
from bot.domain.sighting import MOST_HITS, Asked, Batch, Gap, Reach, Severity, Sighting, Source, baseline, hour_of_week
from tests.contracts import journals
from tests.contracts.journals import SECRET, Backend, HandClock, Store

backend, journal, make = journals.backend, journals.journal, journals.make

PRODUCTION, STAGING = Environment.PRODUCTION, Environment.STAGING
NOON = datetime(2026, 3, 2, 12, 0, 30, 250_000, tzinfo=UTC)
KEY = ("shop", PRODUCTION, "00000000000000aa")

ONE = Sighting(
    project="shop", environment=PRODUCTION, source=Source.POSTGRES, severity=Severity.ERROR, sqlstate="42P01",
    fingerprint=KEY[2], template='relation "books" does not exist', at=NOON, mark=1, role="anon", session="s1",
    objects=("books",), sample='relation "books" does not exist',
)


def seen(mark: int, **changes: Any) -> Sighting:
    return replace(ONE, mark=mark, **changes)


def test_a_fault_is_opened_counted_and_numbered(journal: Store) -> None:
    first = journal.fold([Batch(sightings=[seen(1), seen(2, at=NOON + timedelta(minutes=1), role="authenticated")])])
    assert (first.counted, first.again) == (2, 0)
    [fault] = first.faults
    assert fault == journal.fault(*KEY)
    assert (fault.total, fault.first_seen, fault.last_seen) == (2, NOON, NOON + timedelta(minutes=1))
    assert (fault.template, fault.objects, fault.sqlstate) == (ONE.template, ("books",), "42P01")
    assert (fault.hits.roles, fault.hits.sessions, fault.hits.more) == (("anon", "authenticated"), ("s1",), ())
    assert journal.per_minute(*KEY, NOON - timedelta(hours=1), NOON + timedelta(hours=1)) == {
        NOON.replace(second=0, microsecond=0): 1, NOON.replace(minute=1, second=0, microsecond=0): 1,
    }
    second = journal.fold([Batch(sightings=[seen(3, at=NOON - timedelta(hours=2))])])
    assert second.fold == first.fold + 1
    [fault] = second.faults
    assert (fault.total, fault.first_seen) == (3, NOON - timedelta(hours=2))
    assert fault.last_seen == NOON + timedelta(minutes=1)
    hours = journal.per_hour(*KEY, NOON - timedelta(days=1), NOON + timedelta(days=1))
    assert list(hours.values()) == [1, 2]


@pytest.mark.parametrize("mark", [0, -1, -(2**63), 2**63 - 1])
def test_what_comes_twice_counts_once(journal: Store, mark: int) -> None:
    assert journal.fold([Batch(sightings=[seen(mark), seen(mark)])]).counted == 1
    again = journal.fold([Batch(sightings=[seen(mark, at=NOON + timedelta(minutes=9))]), Batch(sightings=[seen(mark)])])
    assert (again.fold, again.counted, again.again, again.faults) == (0, 0, 2, [])
    fault = journal.fault(*KEY)
    assert fault is not None
    assert fault.total == 1


def test_environments_and_projects_are_kept_apart(journal: Store) -> None:
    journal.fold([Batch(sightings=[seen(1), seen(2, environment=STAGING), seen(3, project="blog")])])
    assert [fault.total for fault in journal.faults("shop", PRODUCTION)] == [1]
    assert [fault.total for fault in journal.faults("shop", STAGING)] == [1]
    assert journal.faults("shop", PRODUCTION, NOON + timedelta(seconds=1)) == []
    assert journal.fault("blog", STAGING, KEY[2]) is None


def test_what_a_fold_touched_is_found_after_a_crash(backend: Backend) -> None:
    journal = backend.open()
    a = journal.fold([Batch(sightings=[seen(1), seen(2, fingerprint="b"), seen(3, fingerprint="c")])])
    b = journal.fold([Batch(sightings=[seen(4, fingerprint="b")])])
    other = backend.open()
    assert [fault.fingerprint for fault in other.touched(0)] == [KEY[2], "c", "b"]
    assert [fault.fingerprint for fault in other.touched(0, limit=1)] == [KEY[2], "c"]
    assert [fault.fingerprint for fault in other.touched(a.fold)] == ["b"]
    assert other.touched(b.fold) == []


def test_how_far_was_read_never_goes_back(journal: Store) -> None:
    poll = Reach(project="shop", environment=PRODUCTION, channel="poll", up_to=NOON, heard=NOON, cursor="1:a")
    journal.fold([Batch(reached=[poll])])
    journal.fold([Batch(reached=[replace(poll, up_to=NOON - timedelta(hours=1), cursor="2:b")])])
    assert journal.reached("shop", PRODUCTION) == {"poll": replace(poll, cursor="2:b")}
    assert journal.reached("shop", STAGING) == {}


def test_answers_are_counted_by_service_and_the_failing_ones_once(journal: Store) -> None:
    minute = int(NOON.timestamp()) // 60
    failing = [seen(n, severity=Severity.HTTP_5XX, source=Source.EDGE, template="GET /rest/v1/a answered 503")
               for n in (1, 2)]
    asked = [Asked("shop", PRODUCTION, Service.POSTGREST, Source.EDGE, minute, 40),
             Asked("shop", STAGING, Service.POSTGREST, Source.EDGE, minute, 9)]
    journal.fold([Batch(sightings=failing, asked=asked)])
    journal.fold([Batch(sightings=failing), Batch(asked=asked[:1])])
    at, end, key = NOON.replace(second=0, microsecond=0), NOON + timedelta(hours=1), (Service.POSTGREST, Source.EDGE)
    assert journal.answers("shop", PRODUCTION, NOON, end) == {key: {at: (80, 2)}}
    assert journal.answers("shop", PRODUCTION, NOON, end, hours=True) == {key: {NOON.replace(
        minute=0, second=0, microsecond=0): (80, 2)}}
    assert journal.answers("shop", PRODUCTION, end, end + timedelta(hours=1)) == {}
    journal.prune_tallies(NOON + timedelta(days=4))
    assert journal.answers("shop", PRODUCTION, NOON, end) == {}
    assert journal.answers("shop", PRODUCTION, NOON, end, hours=True)
    journal.prune_tallies(NOON + timedelta(weeks=10))
    assert journal.answers("shop", PRODUCTION, NOON, end, hours=True) == {}


def test_gaps_are_kept_in_order(journal: Store) -> None:
    gap = Gap(project="shop", environment=PRODUCTION, begin=NOON, end=NOON + timedelta(hours=1), why="It was down.")
    earlier = replace(gap, begin=NOON - timedelta(hours=3), end=NOON - timedelta(hours=2))
    journal.fold([Batch(gaps=[gap, earlier])])
    assert journal.gaps("shop", PRODUCTION, NOON - timedelta(days=1)) == [earlier, gap]
    assert journal.gaps("shop", PRODUCTION, NOON) == [gap]


def test_samples_are_scrubbed_few_expiring_and_erasable(journal: Store) -> None:
    for minute in range(0, 120, 5):
        at = NOON + timedelta(minutes=minute)
        journal.fold([Batch(sightings=[
            seen(minute, at=at, sample=f"{minute} \0 \ud800 {SECRET}", template=f"no {SECRET}"),
        ])])
    fault = journal.fault(*KEY)
    assert fault is not None
    assert fault.template == "no [secret]"
    samples = journal.samples(*KEY)
    assert [sample.at for sample in samples] == [NOON + timedelta(minutes=m) for m in (110, 100, 90, 80, 70)]
    assert samples[0].text == "110 \ufffd ? [secret]"
    journal.prune_tallies(samples[1].expires)
    assert len(journal.samples(*KEY)) == 1
    assert journal.erase_samples(*KEY) == 1
    assert journal.samples(*KEY) == []


def test_hits_are_cut_off_and_say_so(journal: Store) -> None:
    journal.fold([Batch(sightings=[seen(n, session=f"s{n:03}") for n in range(MOST_HITS)])])
    fault = journal.fault(*KEY)
    assert fault is not None
    assert (len(fault.hits.sessions), fault.hits.more) == (MOST_HITS, ())
    journal.fold([Batch(sightings=[seen(1000, session="one more", application="x" * 5000)])])
    fault = journal.fault(*KEY)
    assert fault is not None
    assert (len(fault.hits.sessions), fault.hits.more) == (MOST_HITS, ("sessions",))
    assert len(fault.hits.applications[0]) == 100


def test_new_faults_without_end_share_an_account(journal: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MOST_NEW", 10)
    storm = [seen(n, fingerprint=f"f{n}", template=f"fault {n}") for n in range(40)]
    fatal = [seen(n, fingerprint=f"x{n}", severity=Severity.FATAL) for n in range(100, 105)]
    folded = journal.fold([Batch(sightings=[*storm, *fatal])])
    assert folded.counted == 45
    faults = journal.faults("shop", PRODUCTION)
    assert len(faults) == len(folded.faults) == 16
    [rest] = [fault for fault in faults if "other faults" in fault.template]
    assert rest.total == 30
    assert journal.fold([Batch(sightings=[seen(n, fingerprint="f3") for n in (200, 201)])]).faults[0].total == 3
    later = seen(300, fingerprint="later", at=NOON + timedelta(hours=2))
    assert journal.fold([Batch(sightings=[later])]).faults[0].fingerprint == "later"


def test_old_counts_go_and_new_ones_stay(journal: Store, backend: Backend) -> None:
    weeks = [seen(n, at=NOON - timedelta(weeks=n)) for n in range(12)]
    journal.fold([Batch(sightings=[*weeks, seen(100, fingerprint="old", at=NOON - timedelta(weeks=11))])])
    journal.fold([Batch(sightings=[seen(200, fingerprint="z", at=NOON)])])
    journal.prune_tallies(NOON)
    hours = journal.per_hour(*KEY, NOON - timedelta(weeks=20), NOON + timedelta(hours=1))
    assert len(hours) == 10
    assert baseline(hours, NOON, NOON - timedelta(weeks=4)) == (1, 1, 1)
    assert len(journal.per_minute(*KEY, NOON - timedelta(weeks=20), NOON + timedelta(hours=1))) == 1
    assert journal.fault("shop", PRODUCTION, "old") is None
    assert list(journal.per_hour("shop", PRODUCTION, "z", NOON - timedelta(hours=1), NOON + timedelta(hours=1))) != []
    assert journal.fold([Batch(sightings=[seen(0)])]).counted == 0, "a mark went before its time"
    assert sum(1 for _ in journal.rows("marks")) == 2


def test_hours_of_the_week() -> None:
    clock = HandClock()
    assert hour_of_week(clock.now()) == 9
    assert baseline({}, NOON, NOON - timedelta(days=6)) == ()

"""Retention as a property: the newest of each of so many days, weeks and months, and never what is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.backup import WAIVED, Backup, Kept, Proven
from bot.domain.retention import doomed, kept

START = datetime(2026, 1, 1, 3, tzinfo=UTC)


def backup(number: int, hours: int, good: bool = True) -> Backup:
    here = Kept(file=f"/kept/BK-{number}", address="", size=1, sha256="00")
    return Backup(
        id=f"BK-{number}", project="shop", cause="nightly", asked_by="stagedoor",
        asked_at=START + timedelta(hours=hours), kept=here, verdict="done" if good else "failed",
    )


SETS = st.lists(st.tuples(st.integers(0, 24 * 500), st.booleans()), max_size=80).map(
    lambda found: [backup(number, hours, good) for number, (hours, good) in enumerate(found)]
)
COUNTS = st.tuples(st.integers(0, 8), st.integers(0, 5), st.integers(0, 13))


@settings(max_examples=60, deadline=None)
@given(SETS, COUNTS, st.sets(st.integers(0, 80)))
def test_the_last_good_one_and_what_is_needed_always_stay(
    backups: list[Backup], counts: tuple[int, int, int], wanted: set[int],
) -> None:
    daily, weekly, monthly = counts
    needed = {f"BK-{number}" for number in wanted}
    rules = partial(doomed, daily=daily, weekly=weekly, monthly=monthly, needed=needed)
    gone = {one.id for one in rules(backups)}
    good = [one for one in backups if one.good]
    if good:
        newest = max(one.asked_at for one in good)
        assert any(one.id not in gone for one in good if one.asked_at == newest)
    assert not gone & needed
    assert gone <= {one.id for one in good}
    stay = [one for one in good if one.id not in gone]
    assert len([one for one in stay if one.id not in needed]) <= daily + weekly + monthly + 1
    assert not rules(stay), "a second pass takes nothing more"
    for count, bucket in ((daily, "%Y-%m-%d"), (weekly, "%G-%V"), (monthly, "%Y-%m")):
        buckets = sorted({one.asked_at.strftime(bucket) for one in good}, reverse=True)[:count]
        assert {one.asked_at.strftime(bucket) for one in stay} >= set(buckets)


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    nights = [backup(number, 24 * number) for number in range(365)]
    stay = kept(nights, daily=7, weekly=4, monthly=12, needed=())
    assert len(stay) == 7 + 2 + 11     # a week ends within the seven days, and the newest counts thrice
    assert {f"BK-{number}" for number in range(358, 365)} <= stay


def test_what_was_removed_or_failed_is_no_backup() -> None:
    gone = replace(backup(1, 0), removed_at=START)
    assert not gone.good
    assert doomed([gone, backup(2, 1, good=False)], daily=0, weekly=0, monthly=0, needed=()) == ()


def test_what_holds_less_takes_nobody_s_place() -> None:
    """A dump of two tables at noon, or one that nobody proved, is no reason to take the night's whole one away."""
    night = [backup(number, 24 * number) for number in range(5)]
    some = replace(backup(8, 24 * 4 + 9), only=(("public", "books"),))
    unproven = replace(backup(9, 24 * 4 + 10), proven=Proven(how=WAIVED, tables=0, rows=0, seconds=0.0))
    stay = kept([*night, some, unproven], daily=2, weekly=0, monthly=0, needed=())
    assert stay == {"BK-3", "BK-4", "BK-8", "BK-9"}
    assert kept([night[0], some, unproven], daily=0, weekly=0, monthly=0, needed=()) >= {"BK-0"}

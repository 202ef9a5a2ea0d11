"""Emergency promotions over real databases: what they pass, what they never pass, and what they owe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from bot.domain.checklist import Check, State
from bot.domain.emergency import Emergency, excused
from bot.domain.record import Record
from bot.errors import Refused
from bot.incidents.records import opened_by
from bot.promotions.requests import Requests
from bot.promotions.verbs import Promotions
from bot.windows.verbs import Deploys
from rehearsal.postgres import Postgres
from templates.promotion.card import card
from templates.promotion.sight import Sight
from tests.handlers.test_killed_saying import Killed, Mortal
from tests.rolling import ANA, BO, CY, FIRST, POLICY, SECOND, SQL, Shop, shop

BOOKS = f"{FIRST}_add_books.sql"
TICKED = POLICY.replace("manual = []", 'manual = ["Frontend tested"]').replace(
    'skip = ["pull_request", ', 'skip = [',
) + """
[[windows]]
days = ["sun"]
start = "03:00"
end = "03:01"
timezone = "UTC"
"""


@pytest.fixture
def s(tmp_path: Path, server: Postgres) -> Iterator[Shop]:
    with shop(tmp_path, server, {BOOKS: SQL}, TICKED, promoted=False) as made:
        made.says(Promotions(made.w.ports).cancel(ANA, "P-1"))
        made.w.on()
        yield made


def asked(s: Shop, by: str = ANA, reason: str = "checkout is down") -> str:
    return Requests(s.w.ports).promote(by, s.project, (), s.key(), reason).record


def text(s: Shop, record: Record) -> str:
    return str(card(Sight(record=record, promotion=s.read(record.id), required=1)).blocks)


def test_it_passes_windows_and_ticks_and_owes_them(s: Shop) -> None:
    record, people = asked(s), Promotions(s.w.ports)
    reached = s.w.walk(record)
    assert reached.stage == "approval"
    shown = text(s, reached)
    assert "Emergency: promote 1 migration" in shown
    assert "passed by emergency: checkout is down Without that: not confirmed yet" in shown
    with pytest.raises(Refused, match="someone else has to approve"):
        people.approve(ANA, record)
    s.says(people.approve(BO, record))
    assert s.w.walk(record).stage == "watch", "outside of every window"
    s.later(hours=1)
    reached = s.w.walk(record)
    assert reached.stage == "done"
    assert s.told("emergency.owed", record) == [
        {"owed": ["Pull request approved", "Frontend tested"], "people": [ANA], "again": False},
    ]
    shown = text(s, reached)
    assert "Skipped by emergency and still owed" in shown
    assert "Done · in production since" in shown
    s.later(hours=25)
    s.w.walk(record)
    assert len(s.told("emergency.owed", record)) == 2, "asked again the day after"
    s.says(people.confirm(ANA, record, "Frontend tested"))
    assert s.w.walk(record).stage == "done"
    with pytest.raises(Refused, match="someone else has to confirm its review"):
        people.confirm(ANA, record, "Pull request approved")
    s.says(people.confirm(CY, record, "Pull request approved"))
    s.w.walk(record)
    assert s.ending(record)[0] == "done"


def test_a_process_that_dies_while_one_is_asked_for_passes_no_number_over(s: Shop) -> None:
    """At each write, right before or after it: asked again by the same delivery it is one promotion, one incident."""
    taken = [record.id for kind in ("promotion", "incident") for record in s.w.ports.journal.find(kind=kind)]
    assert taken == ["P-1"]
    for write, before in product(range(1, 20), (True, False)):
        mortal = Mortal(s.w.ports.journal, write, before=before)
        ports = replace(s.w.ports, journal=mortal, shelves=mortal)
        with suppress(Killed):
            Requests(ports).promote(ANA, s.project, (), "the same", "checkout is down")
    assert mortal.left > 0, "the last of them lived"
    for kind, ids in (("promotion", ["P-1", "P-2"]), ("incident", ["INC-1"])):
        assert [record.id for record in s.w.ports.journal.find(kind=kind)] == ids
    known = opened_by(s.w.ports, "P-2")
    assert known is not None
    assert known.incident.id == "INC-1"


def test_it_opens_an_incident_that_lets_it_pass(s: Shop) -> None:
    record = asked(s)
    known = opened_by(s.w.ports, record)
    assert known is not None
    assert known.incident.title == f"Emergency promotion {record}: checkout is down"
    assert known.incident.lets_pass(record)


def test_a_freeze_that_a_person_set_stands(s: Shop) -> None:
    record = asked(s)
    s.w.walk(record)
    freeze = Deploys(s.w.ports).freeze(BO, s.project.name, "the audit", s.key())
    s.says(Promotions(s.w.ports).approve(BO, record))
    reached = s.w.walk(record)
    assert (reached.stage, reached.waits_for) == ("window", f"{freeze} to be lifted: the audit")
    s.says(Deploys(s.w.ports).unfreeze(BO, s.project, "it is over"))
    s.later(seconds=31)
    assert s.w.walk(record).stage == "watch"


def test_never_without_staging(s: Shop) -> None:
    s.write(f"{SECOND}_more.sql", "create table more (id int)")
    record = asked(s)
    reached = s.w.walk(record)
    assert reached.stage == "gates"
    assert "more is not there yet. Put it there" in reached.waits_for


def test_it_needs_a_reason_and_is_no_second_request_for_the_same(s: Shop) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        asked(s, reason="  ")
    ordinary = Requests(s.w.ports).promote(ANA, s.project, (), s.key()).record
    with pytest.raises(Refused, match=f"{ordinary} is about exactly this already. Cancel it"):
        asked(s)


@pytest.mark.parametrize(("check", "passes"), [
    (Check(gate="manual", title="t", state=State.WAITING, said="", label="t"), True),
    (Check(gate="pull_request", title="t", state=State.WAITING, said="no review", may_follow=True), True),
    (Check(gate="pull_request", title="t", state=State.UNKNOWN, said="GitHub is down", may_follow=True), True),
    (Check(gate="pull_request", title="t", state=State.WAITING, said="checks are red"), False),
    (Check(gate="pull_request", title="t", state=State.REFUSED, said="other bytes", may_follow=True), False),
    (Check(gate="on_staging", title="t", state=State.WAITING, said=""), False),
    (Check(gate="sql_check", title="t", state=State.REFUSED, said=""), False),
    (Check(gate="rollback_plan", title="t", state=State.WAITING, said="", waivable=True), False),
])
def test_only_ticks_and_the_review_are_passed(check: Check, passes: bool) -> None:
    emergency = Emergency(by=ANA, reason="it burns", at=datetime.now(UTC))
    [seen] = excused((check,), emergency)
    assert (seen.state is State.PASSED) == passes
    assert ("passed by emergency: it burns" in seen.said) == passes
    assert excused((check,), None) == (check,)

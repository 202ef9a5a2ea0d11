"""What is judged again when a promotion is to begin: every person's word, freezes, and who goes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.checklist import Check, State
from bot.domain.person import Person
from bot.domain.promotion import Promotion
from bot.runbooks import promotion as runbook
from bot.runbooks import steps
from bot.runbooks.outcome import Next, Stop, Wait
from bot.runbooks.turn import not_now
from bot.runbooks.voters import asked_for, still_count
from bot.world import World
from tests.test_who_may import APPROVER, ASKER, AUTHOR, NOON, Office, People


class Leaving(People):
    """People, of whom some left the workspace."""

    def __init__(self) -> None:
        self.gone = set[str]()

    def find(self, user: str) -> Person:
        known = super().find(user)
        return replace(known, full_member=known.full_member and user not in self.gone)


class Table:
    """A promotion that waits for its approval."""

    def __init__(self, path: Path) -> None:
        self.office = Office(path)
        self.people = Leaving()
        self.ports = replace(self.office.ports, people=self.people)

    @property
    def now(self) -> Promotion:
        return Promotion.of(self.office.journal.entries(about="P-1"))

    @property
    def world(self) -> World:
        record = self.office.journal.load("P-1")
        assert record is not None
        return World(ports=self.ports, record=record, claim=self.office.journal.claim("P-1"))

    def approves(self, user: str) -> None:
        self.office.note("P-1", "promotion.approved", user)

    def waives(self, user: str) -> None:
        self.office.note("P-1", "gate.waived", user, gate="drift", reason="known", state="waiting", said="it differs")


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path)
    yield made
    made.office.journal.close()


def test_a_word_counts_while_its_giver_may_give_it(table: Table) -> None:
    table.approves(APPROVER)
    table.waives(APPROVER)
    assert still_count(table.now, table.world) is None
    seen = table.now
    table.people.gone.add(APPROVER)
    back = still_count(seen, table.world)
    assert isinstance(back, Next)
    assert (back.to, table.now.waivers) == ("gates", {}), "what was passed over is judged again first"
    back = still_count(seen, table.world)
    assert isinstance(back, Next)
    assert (back.to, table.now.approvals) == ("approval", {})


@pytest.mark.parametrize("person", [ASKER, AUTHOR])
def test_who_asked_for_it_or_wrote_it_counts_for_nothing(table: Table, person: str) -> None:
    table.approves(person)
    back = still_count(table.now, table.world)
    assert isinstance(back, Next)
    assert (back.to, table.now.approvals) == ("approval", {})
    table.approves(APPROVER)
    table.waives(person)
    assert isinstance(still_count(table.now, table.world), Next)
    assert table.now.waivers == {}


def test_a_word_that_was_taken_away_since_the_walk_folded_is_none(table: Table) -> None:
    table.approves(APPROVER)
    seen = table.now
    table.office.note("P-1", "approval.void", voter=APPROVER, why="left")
    back = still_count(seen, table.world)
    assert isinstance(back, Next)
    assert back.said == "an approval is missing"


def test_nobody_decided_in_time(table: Table) -> None:
    assert isinstance(asked_for(table.now, table.world), Wait)
    assert isinstance(asked_for(table.now, table.world), Wait)
    table.office.clock.forward(hours=71)
    assert isinstance(asked_for(table.now, table.world), Wait)
    table.office.clock.forward(hours=2)
    assert table.office.clock.now() - NOON > timedelta(hours=72)
    stop = asked_for(table.now, table.world)
    assert isinstance(stop, Stop)
    assert stop.verdict == "expired"


@pytest.mark.parametrize("let_through", [False, True])
def test_a_freeze_that_came_since_it_was_let_through_holds_it(table: Table, let_through: bool) -> None:
    """Before anything of the databases or the files is looked at; here there are none."""
    if let_through:
        table.office.note("P-1", "run_now.given", APPROVER, reason="now")
    assert not_now(table.now, table.world).startswith("frozen before it began, F-1")
    back = runbook.apply(table.now, table.world)
    assert isinstance(back, Next)
    assert back.to == "window"
    table.office.note("F-1", "freeze.lifted", APPROVER, reason="it is over")
    assert not_now(table.now, table.world) == "R-1 goes first"


@pytest.mark.parametrize(("state", "verdict"), [
    (State.REFUSED, "refused"), (State.WAITING, ""), (State.UNKNOWN, ""), (State.PASSED, "in"),
])
def test_nothing_goes_in_unless_every_line_passes_at_that_moment(
    table: Table, monkeypatch: pytest.MonkeyPatch, state: State, verdict: str,
) -> None:
    table.approves(APPROVER)
    line = Check(gate="not_modified", title="Not modified", state=state, said="it changed")
    monkeypatch.setattr(runbook, "not_now", lambda promotion, world: "")
    monkeypatch.setattr(steps, "judged", lambda promotion, world, which: (line,))
    monkeypatch.setattr(steps, "put_in", lambda promotion, world: Stop(verdict="in"))
    outcome = runbook.apply(table.now, table.world)
    assert isinstance(outcome, Stop if verdict else Wait)
    if isinstance(outcome, Stop):
        assert outcome.verdict == verdict

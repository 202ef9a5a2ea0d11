"""The walker: one writer, every stage may run twice, and nothing that arrives meanwhile is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact, Opening
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.errors import Superseded, Unreachable
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.walker import Runbook, Walker
from bot.scrub import Scrubber
from bot.world import Ports, World
from tests.clocks import SetClock

PLAN = Plan(
    project="shop", environment=Environment.PRODUCTION, head=None,
    files=(PlannedFile(version="1", name="a", filename="1_a.sql", sha256="x", statements=1),),
)


class Bench:
    """A walker on a real journal, with a runbook of the test's own."""

    def __init__(self, path: Path) -> None:
        self.clock = SetClock()
        self.journal = SqliteJournal(path / "journal.db", self.clock, Scrubber(()))
        self.stop = threading.Event()
        self.seen: list[str] = []
        unused = cast(Any, None)
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock, people=unused, health=unused, projects={},
            wake=lambda record: None, tell=lambda: None, stopping=self.stop.is_set,
        )
        self.left: list[str] = []

    def walk(self, *stages: Callable[[Promotion, World], Outcome]) -> Record:
        book = Runbook(stages=stages, leave=lambda world: self.left.append(world.record.id))
        Walker(self.ports, {"promotion": book}).walk("P-1")
        record = self.journal.load("P-1")
        assert record is not None
        return record

    def open(self, stage: str = "first") -> None:
        self.journal.append([Fact(
            about="P-1", kind="promotion.requested", actor="U0ANA0001",
            data={"kind": "promotion", "plan": json.loads(json.dumps(PLAN.to_json()))},
            opens=Opening(kind="promotion", project="shop", stage=stage),
        )])

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.journal.entries(about="P-1")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.open()
    yield bench
    bench.journal.close()


def first(promotion: Promotion, world: World) -> Outcome:
    return Next(said="went on")


def second(promotion: Promotion, world: World) -> Outcome:
    return Stop(verdict="done")


def test_walks_from_the_first_stage_to_the_end_and_tidies_up(bench: Bench) -> None:
    assert bench.walk(first, second).status is Status.ENDED
    assert bench.kinds() == ["promotion.requested", "walk.moved", "walk.ended"]
    assert bench.left == ["P-1"]


def test_a_wait_is_journalled_once_however_often_it_is_walked(bench: Bench) -> None:
    def first(promotion: Promotion, world: World) -> Outcome:
        return Wait(for_="a person", until=world.ports.clock.now() + timedelta(hours=1))

    for _ in range(3):
        record = bench.walk(first)
    assert (record.waits_for, record.status) == ("a person", Status.LIVE)
    assert bench.kinds() == ["promotion.requested", "walk.waits"]
    assert bench.journal.find(due_by=bench.clock.now()) == []
    bench.clock.forward(hours=2)
    assert [due.id for due in bench.journal.find(due_by=bench.clock.now())] == ["P-1"]


def test_a_fact_that_arrives_while_a_stage_runs_is_seen_in_the_same_walk(bench: Bench) -> None:
    def first(promotion: Promotion, world: World) -> Outcome:
        bench.seen.append(",".join(promotion.approvals))
        if not promotion.approvals:
            bench.journal.append([Fact(about="P-1", kind="promotion.approved", actor="U0BO00001")])
        return Wait(for_="nothing more")

    bench.walk(first)
    assert bench.seen == ["", "U0BO00001"]


def test_a_stage_that_this_release_does_not_know_waits_and_says_so(bench: Bench) -> None:
    bench.walk(first, second)
    other = Bench(bench.journal.path.parent / "other")
    other.open(stage="rolled-forward")
    record = other.walk(first, second)
    assert record.status is Status.LIVE
    assert "rolled-forward" in record.waits_for
    other.journal.close()


@pytest.mark.parametrize(
    ("trouble", "said"), [(Unreachable("Staging did not answer."), "Staging"), (KeyError("x"), "fault")],
)
def test_trouble_keeps_the_record_and_tries_again(bench: Bench, trouble: Exception, said: str) -> None:
    def first(promotion: Promotion, world: World) -> Outcome:
        raise trouble

    record = bench.walk(first)
    assert said in record.waits_for
    assert record.due is not None
    assert record.due > bench.clock.now()


def test_a_frozen_walk_that_wakes_up_late_changes_nothing(bench: Bench) -> None:
    def first(promotion: Promotion, world: World) -> Outcome:
        bench.journal.claim("P-1")  # another process took the record over meanwhile
        with pytest.raises(Superseded):
            world.note("apply.attempt", {"attempt": "late", "version": "1"})
        return Next()

    assert bench.walk(first, second).stage == "first"
    assert bench.kinds() == ["promotion.requested"]


def test_nothing_new_begins_while_the_process_stops(bench: Bench) -> None:
    bench.stop.set()
    assert bench.walk(first, second).stage == "first"


def test_back_to_an_earlier_stage(bench: Bench) -> None:
    def second(promotion: Promotion, world: World) -> Outcome:
        return Next(to="first") if len(bench.seen) < 2 else Stop(verdict="done")

    def first(promotion: Promotion, world: World) -> Outcome:
        bench.seen.append("first")
        return Next()

    bench.walk(first, second)
    assert bench.seen == ["first", "first"]



def test_whoever_was_overtaken_tidies_up_nothing_that_its_successor_works_under(bench: Bench) -> None:
    """A process was frozen in a stage, another took over, and the first wakes up to a failure of its own."""
    def first(promotion: Promotion, world: World) -> Outcome:
        world.hold_project()
        bench.journal.claim("P-1")      # the other process has begun to walk it
        return Stop(verdict="failed", why="its connection was gone when it woke up")

    bench.walk(first)
    assert bench.left == []
    assert bench.kinds() == ["promotion.requested"]


def test_whoever_was_overtaken_lets_go_of_nothing(bench: Bench) -> None:
    def first(promotion: Promotion, world: World) -> Outcome:
        world.hold_project()
        bench.journal.claim("P-1")
        world.release_project()
        return Wait(for_="nothing: it never gets here")

    bench.walk(first)
    assert bench.journal.get("hold", "shop:promotion") == {"record": "P-1"}

"""Commits say how far they are: told once, told again after trouble, and never in a promotion's way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bot.adapters.github import GitHub
from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Fact, Opening
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.source import Source
from bot.policy import Policy
from bot.scrub import Scrubber
from bot.signing import Links
from bot.telling.mirror import Mirror
from bot.world import Ports, Project
from rehearsal.github import TOKEN
from rehearsal.github import GitHub as StandIn
from tests.clocks import SetClock

FOLDER = "supabase/migrations"
FILE = f"{FOLDER}/20261101120000_a.sql"
SHA256 = hashlib.sha256(b"select 1;\n").hexdigest()


class Bench:
    """A mirror between a real journal and a stand-in; `told` is what the commit was told so far."""

    def __init__(self, path: Path, hub: StandIn) -> None:
        self.hub, self.clock = hub, SetClock()
        self.journal = SqliteJournal(path / "journal.db", self.clock, Scrubber(()))
        self.github = GitHub(hub.api_url, TOKEN, "acme/shop", self.clock)
        unused = cast(Any, None)
        project = Project(
            name="shop", migrations=unused, databases={}, policy=Policy(), host=self.github, directory=FOLDER,
            reviewed=True,
        )
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock, people=unused, health=unused,
            projects={"shop": project}, wake=lambda record: None, tell=lambda: None, stopping=lambda: False,
        )
        self.links = Links(address="https://stagedoor.example", secret=b"of this test")
        self.mirror = Mirror(self.ports, self.links)

    def ask(self, commit: str, sha256: str = SHA256, record: str = "P-1") -> None:
        plan = Plan(
            project="shop", environment=Environment.PRODUCTION, head=None,
            files=(PlannedFile(
                version="20261101120000", name="a", filename="20261101120000_a.sql", sha256=sha256, statements=1,
            ),),
            source=Source(repository="acme/shop", commit=commit, branch="main"),
        )
        self.note("promotion.requested", {"kind": "promotion", "plan": plan.to_json()}, record=record, opens=True)

    def note(self, kind: str, data: dict[str, Any], record: str = "P-1", opens: bool = False) -> None:
        opening = Opening(kind="promotion", project="shop", stage="gates") if opens else None
        self.journal.append([Fact(about=record, kind=kind, actor="stagedoor", data=data, opens=opening)])

    def reflect(self, **later: float) -> None:
        self.clock.forward(**(later or {"seconds": 2}))
        self.mirror.reflect()

    def told(self, commit: str) -> list[str]:
        return [f"{said['state']}: {said['description']}" for said in self.hub.said(commit)]

    def close(self) -> None:
        self.journal.close()
        self.github.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    hub = StandIn()
    hub.commit({FILE: "select 1;\n"})
    hub.start()
    bench = Bench(tmp_path, hub)
    yield bench
    bench.close()
    hub.stop()


def test_a_commit_is_told_each_step_once(bench: Bench) -> None:
    head = bench.hub.head()
    bench.ask(head)
    for _ in range(3):
        bench.reflect()
    assert bench.told(head) == ["pending: P-1 is on its way: at gates"]
    page, _, proof = bench.hub.said(head)[0]["target_url"].partition("?")
    assert page == "https://stagedoor.example/promotions/P-1"
    given = dict(part.split("=") for part in proof.split("&"))
    assert bench.links.prove("/promotions/P-1", given["until"], given["proof"], bench.clock.now())
    bench.note("verify.seen", {"said": "in"})
    bench.reflect()
    Mirror(bench.ports, bench.links).reflect()
    assert bench.told(head)[-1] == "success: P-1: in production, verified"


@pytest.mark.parametrize(("verdict", "said"), [
    ("cancelled", "failure: P-1 was cancelled: production is unchanged"),
    ("expired", "failure: P-1 expired: production is unchanged"),
    ("failed", "failure: P-1 stopped: production is unchanged"),
])
def test_an_end_without_production_is_a_failure(bench: Bench, verdict: str, said: str) -> None:
    head = bench.hub.head()
    bench.ask(head)
    bench.note("walk.ended", {"stage": "gates", "verdict": verdict, "why": ""})
    bench.reflect()
    assert bench.told(head) == [said]


def test_the_last_promotion_of_a_commit_has_the_last_word(bench: Bench) -> None:
    head = bench.hub.head()
    bench.ask(head)
    bench.note("walk.ended", {"stage": "gates", "verdict": "cancelled", "why": ""})
    bench.ask(head, record="P-2")
    bench.reflect()
    assert bench.told(head) == ["pending: P-2 is on its way: at gates"]


def test_what_github_missed_it_is_told_later(bench: Bench) -> None:
    head = bench.hub.head()
    bench.ask(head)
    bench.hub.down()
    bench.reflect()
    bench.hub.clear()
    bench.reflect()
    assert bench.told(head) == [], "it did not wait"
    bench.reflect(seconds=31)
    assert len(bench.told(head)) == 1


def test_a_right_that_lacks_is_not_asked_for_every_second(bench: Bench) -> None:
    head = bench.hub.head()
    bench.ask(head)
    bench.hub.api.rights.remove("statuses")
    bench.reflect()
    count = len(bench.hub.asked())
    bench.reflect(minutes=5)
    assert len(bench.hub.asked()) == count
    bench.hub.api.rights.add("statuses")
    bench.reflect(minutes=6)
    assert len(bench.told(head)) == 1


def test_open_pull_requests_are_told_by_their_bytes(bench: Bench) -> None:
    other = f"{FOLDER}/20261101121500_b.sql"
    head = bench.hub.open_pull(48, {other: "select 2;\n"})
    free = bench.hub.open_pull(49, {"docs/x.md": "x"})
    bench.reflect()
    assert bench.told(head) == ["pending: 1 migration is not in production yet: /migrate promote #48"]
    assert bench.told(free) == ["success: It brings no migrations"]
    later = bench.hub.push(49, {other: "select 3;\n"})
    bench.reflect(seconds=31)
    assert bench.told(later) == ["pending: 1 migration is not in production yet: /migrate promote #49"]


def test_a_head_that_moves_without_new_bytes_stays_in_production(bench: Bench) -> None:
    content = "select 7;\n"
    head = bench.hub.open_pull(48, {FILE: content})
    bench.ask(head, sha256=hashlib.sha256(content.encode()).hexdigest())
    bench.note("verify.seen", {"said": "in"})
    bench.reflect()
    assert bench.told(head) == ["success: P-1: in production, verified"]
    moved = bench.hub.push(48, {"docs/x.md": "x"})
    bench.reflect(seconds=31)
    assert bench.told(moved) == ["success: P-1: in production, verified"]

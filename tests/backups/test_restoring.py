"""The runbook of restored rows: who lets it begin, what it waits for, and a cancel or a death in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.domain.person import Person
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.errors import Refused
from bot.migrations.database import PostgresDatabase
from bot.ports import Put
from bot.promotions import Promotions
from bot.restores import Restores
from bot.runbooks import restoring
from bot.runbooks.walker import Walker
from tests.backups.test_keep_rows import put_in
from tests.deploying import ANA, BO, CY, RULES, Killed, Mortal, People, Stage
from tests.migrations.conftest import BRISK
from tests.postgres import Fresh


class Leaving(People):
    """People, some of whom are gone."""

    def __init__(self, gone: set[str]) -> None:
        self._gone = gone

    def find(self, user: str) -> Person:
        return replace(super().find(user), full_member=user not in self._gone)


class Shelf(Stage):
    """Two rows that P-7 deleted are kept in production, and Ana asked for them."""

    def __init__(self, path: Path, production: Fresh) -> None:
        super().__init__(path, RULES + '[apply]\nlock_timeout = "100ms"\n')
        production.run("create table heap (what text)", "insert into heap values ('a'), ('b')")
        put_in(production, "delete from heap;")
        self.production, self.gone = production, set[str]()
        self.database = PostgresDatabase(production.url, "production", BRISK)
        project = replace(self.ports.projects["shop"], databases={Environment.PRODUCTION: self.database})
        self.ports = replace(self.ports, projects={"shop": project}, people=Leaving(self.gone))
        self.restores, self.promotions = Restores(self.ports), Promotions(self.ports)
        self.restores.restore(ANA, project, "P-7", "k")
        self.sweep()

    def walker(self, journal: Any = None) -> Walker:
        made = super().walker(journal)
        made._runbooks = {**made._runbooks, "restore": restoring.RUNBOOK}
        return made

    @property
    def rows(self) -> int:
        return int(self.production.rows("select count(*) from heap")[0][0])

    @property
    def now(self) -> Promotion:
        return Promotion.of(self.journal.entries(about="RD-1"))

    def waits(self) -> str:
        return f"{self.record('RD-1').stage}: {self.record('RD-1').waits_for}"


@pytest.fixture
def shelf(tmp_path: Path, production: Fresh) -> Iterator[Shelf]:
    made = Shelf(tmp_path, production)
    yield made
    made.journal.close()


def test_nothing_comes_back_before_another_approver_said_so(shelf: Shelf) -> None:
    assert shelf.waits() == "approval: approval"
    shelf.at("13:00")
    assert shelf.rows == 0
    with pytest.raises(Refused, match="someone else has to approve"):
        shelf.promotions.approve(ANA, "RD-1")
    words = shelf.promotions.approve(BO, "RD-1")
    shelf.gone.add(BO)
    shelf.say(words)
    assert (shelf.waits(), shelf.rows) == ("approval: approval", 0), "he left before it began"
    shelf.say(shelf.promotions.approve(CY, "RD-1"))
    assert (shelf.rows, shelf.now.restored) == (2, {"public.heap": 2})
    ending = shelf.now.ending
    assert ending is not None
    assert ending.verdict == "done"
    with pytest.raises(Refused, match="put back already"):
        shelf.restores.restore(ANA, shelf.ports.projects["shop"], "P-7", "k2")


def test_it_takes_its_turn_with_what_else_changes_production_and_lets_others_by_while_it_waits(shelf: Shelf) -> None:
    shelf.journal.put_new("hold", "shop:promotion", {"record": "P-9"})
    shelf.say(shelf.promotions.approve(BO, "RD-1"))
    assert shelf.waits().startswith("put_back: P-9")
    shelf.journal.put([Put(shelf="hold", key="shop:promotion", doc=None)])
    with psycopg.connect(shelf.production.url) as other:
        other.execute("lock table heap")
        shelf.clock.forward(seconds=5)
        shelf.sweep()
        assert "its tables are in use" in shelf.waits()
        assert shelf.journal.get("hold", "shop:promotion") is None
    shelf.clock.forward(seconds=31)
    shelf.sweep()
    assert shelf.rows == 2


def test_a_cancel_from_just_before_its_attempt_counts(shelf: Shelf) -> None:
    words = shelf.promotions.approve(BO, "RD-1")
    cancels = shelf.promotions.cancel(ANA, "RD-1")

    class Late:
        """A journal in which somebody cancels between the fold and the attempt."""

        def __getattr__(self, name: str) -> Any:
            return getattr(shelf.journal, name)

        def append(self, facts: Any, **more: Any) -> Any:
            if any(fact.kind == "rows.attempt" for fact in facts):
                shelf.journal.append(cancels)
            return shelf.journal.append(facts, **more)

    shelf.journal.append(words)
    shelf.sweep(Late())
    ending = shelf.now.ending
    assert ending is not None
    assert (ending.verdict, shelf.rows) == ("cancelled", 0)


def test_killed_after_any_write_they_come_back_once(shelf: Shelf) -> None:
    shelf.journal.append(shelf.promotions.approve(BO, "RD-1"))
    for writes in (1, 2, 3, 4, 5):
        with suppress(Killed):
            shelf.sweep(Mortal(shelf.journal, writes))
    shelf.sweep()
    assert shelf.record("RD-1").status is Status.ENDED
    assert shelf.rows == 2
    ending = shelf.now.ending
    assert ending is not None
    assert ending.verdict == "done"

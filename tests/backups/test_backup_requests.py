"""Backups that the clock or a person asks for: each night once, an operator's at once, and retention after each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.backups.verbs import BackupRequests
from bot.domain.backup import Backup, Held
from bot.domain.entry import Fact, Json, Opening
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.errors import Refused
from bot.migrations.backup.backups import PgBackups
from bot.migrations.database import PostgresDatabase
from bot.policy import parse_policy
from bot.runbooks import backup
from bot.runbooks.walker import Walker
from bot.scrub import Scrubber
from bot.windows import schedule
from bot.world import Ports, Project
from tests.backups.conftest import left_in
from tests.clocks import SetClock
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.migrations.walking import ANA, Everybody
from tests.postgres import Fresh

POLICY = """
[[windows]]
start = "22:00"
end = "23:00"
timezone = "Europe/Berlin"
[backups]
schedule = "03:00"
daily = 2
weekly = 0
monthly = 0
"""


class Stage:
    def __init__(self, folder: Path, backups: PgBackups, policy: str = POLICY) -> None:
        self.clock = SetClock(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
        self.journal = SqliteJournal(folder / "journal.db", self.clock, Scrubber(()))
        unused = cast(Any, None)
        self.project = Project(
            name="shop", migrations=unused, databases={}, policy=parse_policy(policy), backups=backups,
        )
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock, people=Everybody(), health=unused,
            projects={"shop": self.project}, wake=lambda record: None, tell=lambda: None, stopping=lambda: False,
        )
        self.requests = BackupRequests(self.ports)

    def close(self) -> None:
        self.journal.close()

    def night(self, **later: float) -> list[str]:
        """Let time pass, ask for what is due, and take it."""
        self.clock.forward(seconds=timedelta(**later).total_seconds())
        self.requests.nightly()
        return self.walked()

    def walked(self) -> list[str]:
        live = [record.id for record in self.journal.find(kind="backup", status=Status.LIVE)]
        for record in live:
            Walker(self.ports, {"backup": backup.RUNBOOK}).walk(record)
        return live

    def read(self, record: str) -> Backup:
        return Backup.of(self.journal.entries(about=record))


@pytest.fixture
def stage(tmp_path: Path, backups: PgBackups) -> Iterator[Stage]:
    with closing(Stage(tmp_path, backups)) as stage:
        yield stage


def test_each_night_once_at_its_hour_in_the_windows_zone_and_late_rather_than_never(stage: Stage) -> None:
    assert stage.night() == []                      # 02:00 in Berlin; last night's hour is long past
    assert stage.night(hours=1, minutes=1) == ["BK-1"]
    assert stage.night(minutes=1) == []
    assert stage.night(hours=3) == []
    assert stage.night(hours=24) == ["BK-2"]        # nobody served at three
    assert stage.night(hours=48 - 3 + 7) == []      # more than six hours late is another night's business
    assert [stage.read(id).cause for id in ("BK-1", "BK-2")] == ["nightly", "nightly"]


def test_retention_takes_what_is_past_its_time_and_says_so_before(stage: Stage, backups: PgBackups) -> None:
    stage.night(hours=2)
    stage.night(hours=24)
    stage.requests.now(ANA, stage.project, "key-1")
    stage.walked()
    listing = stage.requests.listing(ANA, stage.project)
    assert [one.id for one in listing.good] == ["BK-3", "BK-1"]     # two of one day: the newer one stays
    assert listing.going == ("BK-1",), "said before it is done"
    stage.night(hours=24)
    gone = stage.read("BK-1")
    assert (gone.good, gone.removed_at is not None) == (False, True)
    assert [name.partition("_")[0] for name in left_in(backups)] == ["BK-3", "BK-4"]


def test_what_an_unfinished_promotion_refers_to_stays(stage: Stage) -> None:
    stage.night(hours=2)
    opens = Opening(kind="promotion", project="shop", stage="watch")
    plan: dict[str, Json] = {"project": "shop", "environment": "production", "head": None, "files": []}
    stage.journal.append([
        Fact(about="P-1", kind="promotion.requested", actor=ANA, data={"kind": "promotion", "plan": plan}, opens=opens)
    ])
    first = next(iter(stage.journal.entries(about="BK-1")))
    stage.journal.append([replace(
        Fact(about="BK-9", kind="backup.asked", actor=ANA, data={**first.data, "promotion": "P-1"}),
        opens=Opening(kind="backup", project="shop", stage="dump"),
    )])
    stage.walked()
    for _ in range(4):
        stage.night(hours=24)
    assert stage.read("BK-9").good
    assert not stage.read("BK-1").good


def test_now_opens_one_however_often_it_is_delivered_or_asked(stage: Stage) -> None:
    assert stage.requests.now(ANA, stage.project, "key-1") == "BK-1"
    assert stage.requests.now(ANA, stage.project, "key-1") == "BK-1"
    assert stage.requests.now(ANA, stage.project, "key-2") == "BK-1", "that one is on its way already"


def test_now_refuses_at_once_where_none_can_be_taken(tmp_path: Path, backups: PgBackups) -> None:
    missing = replace(backups, pg_dump="/nowhere/pg_dump")
    with closing(Stage(tmp_path, missing)) as stage, pytest.raises(Refused, match="There is no pg_dump here"):
        stage.requests.now(ANA, stage.project, "key-1")


def test_rows_kept_inside_production_go_with_the_weeklies(stage: Stage, production: Fresh) -> None:
    database = PostgresDatabase(production.url, "production", BRISK)
    stage.ports = replace(stage.ports, projects={
        "shop": replace(stage.project, databases={Environment.PRODUCTION: database})
    })
    apply(database, job("delete from public.books;", keep=True, attempt="P-7.1.1"), Notes())
    stage.clock.forward(seconds=(datetime.now(UTC) - stage.clock.now()).total_seconds())
    stage.requests.now(ANA, stage.project, "1")
    stage.walked()
    assert len(database.kept_rows()) == 1
    stage.clock.forward(seconds=timedelta(days=3).total_seconds())
    stage.requests.now(ANA, stage.project, "2")
    stage.walked()
    assert database.kept_rows() == ()


def test_a_window_has_to_leave_room_for_the_backup(stage: Stage) -> None:
    stage.night(hours=2)
    taken = stage.read("BK-1")
    assert taken.seconds > 0
    plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=(
        PlannedFile(version="1", name="x", filename="1_x.sql", sha256="00", statements=1, risks=("drops a column",)),
    ))
    asked = Promotion(id="P-1", kind="promotion", plan=plan, requested_by=ANA, requested_at=stage.clock.now())
    held = replace(asked, backup=Held(id="BK-1", at=stage.clock.now()))
    room = schedule.needs(stage.ports, asked) - schedule.needs(stage.ports, held)
    assert room == timedelta(seconds=taken.seconds)

"""What is on staging already is verified after the fact: nothing runs, and evidence that grew old is made anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.promotion import Promotion
from bot.errors import Refused
from bot.runbooks import promotion, staging
from bot.runbooks.walker import Walker
from rehearsal.postgres import Postgres
from templates.promotion.card import card
from templates.promotion.sight import Sight
from tests.migrations.conftest import BRISK
from tests.migrations.walking import ANA, Walk, approved
from tests.postgres import Fresh, fresh_database


@pytest.fixture
def walk(tmp_path: Path, server: Postgres, fresh: Fresh) -> Iterator[Walk]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_add.sql").write_text("create table t (id int); insert into t values (1);")
    with fresh_database(server) as there, approved(tmp_path, folder, there.url, fresh.url, BRISK) as walk:
        yield walk


def line(walk: Walk) -> str:
    return next(check.said for check in walk.promotion.checklist if check.gate == "on_staging")


def again(walk: Walk, key: str) -> Promotion:
    asked = walk.requests.stage(ANA, walk.project, ("1",), key)
    Walker(walk.ports, {"promotion": promotion.RUNBOOK, "staging": staging.RUNBOOK}).walk(asked.record)
    record = walk.journal.load(asked.record)
    assert record is not None
    found = Promotion.of(walk.journal.entries(about=asked.record))
    assert "Done" in card(Sight(record=record, promotion=found)).text
    return found


def test_evidence_that_grew_old_is_made_anew_and_keeps_what_the_run_saw(walk: Walk) -> None:
    before = walk.journal.get("staged", "shop:1")
    walk.clock.ahead = timedelta(days=8)
    walk.on()
    assert "Have it verified there again: `/migrate stage 1`" in line(walk)
    found = again(walk, "3")
    assert found.verified
    after = walk.journal.get("staged", "shop:1")
    assert before
    assert after
    assert {name: after[name] for name in ("sha256", "before", "after", "seconds")} == {
        name: before[name] for name in ("sha256", "before", "after", "seconds")
    }, "the catalogs that its own run saw still explain what it did"
    walk.record = walk.requests.promote(ANA, walk.project, (), "4").record  # nobody approved the first one in time
    walk.on()
    assert "same bytes, verified" in line(walk)
    drift = next(check for check in walk.promotion.checklist if check.gate == "drift")
    assert drift.said == "staging and production agree"


def test_nothing_runs_a_second_time(walk: Walk) -> None:
    again(walk, "3")
    databases = walk.project.databases
    assert [len(database.history()) for database in databases.values()].count(1) >= 1
    assert not [entry for entry in walk.journal.entries(about="S-2") if entry.kind == "apply.attempt"]


def test_an_edited_file_is_not_verified_for_what_staging_ran(walk: Walk, tmp_path: Path) -> None:
    (tmp_path / "migrations" / "1_add.sql").write_text("create table t (id bigint);")
    with pytest.raises(Refused, match="Staging ran other statements as 1 add"):
        walk.requests.stage(ANA, walk.project, ("1",), "3")

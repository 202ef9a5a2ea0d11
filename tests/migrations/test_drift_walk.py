"""A promotion meets drift: it waits, says which, and goes on once it is mended, accepted or waived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.entry import Fact
from bot.evidence.drift import drifted
from bot.evidence.looking import look
from bot.promotions.requests import Requests
from bot.promotions.status import overview
from bot.runbooks import baseline
from bot.runbooks.walker import Walker
from rehearsal.postgres import Postgres
from templates.migrate import status_card
from tests.migrations.conftest import BRISK
from tests.migrations.walking import ANA, BO, Walk, approved
from tests.postgres import Fresh, fresh_database

BOOKS = "create table books (id bigint primary key, title text)"


@pytest.fixture
def walk(tmp_path: Path, server: Postgres, fresh: Fresh) -> Iterator[Walk]:
    """One file was staged by Stagedoor; production has a column that somebody made by hand."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_add.sql").write_text("alter table books add column subtitle text;")
    with fresh_database(server) as staging:
        staging.run(BOOKS)
        fresh.run(BOOKS, "alter table books add column hack int default 3")
        with approved(tmp_path, folder, staging.url, fresh.url, BRISK) as walk:
            yield walk


def line(walk: Walk) -> str:
    return next(check.said for check in walk.promotion.checklist if check.gate == "drift")


def test_it_waits_and_says_what_nobody_migrated_and_goes_on_once_it_is_mended(walk: Walk, fresh: Fresh) -> None:
    assert walk.on().stage == "gates"
    assert "No migration explains 1 difference: column public.books.hack is only in production" in line(walk)
    [told] = walk.told("drift.seen")
    assert b"books.hack" in walk.ports.shelves.fetch(told["diff"])
    card = status_card(overview(walk.ports.projects["shop"], walk.ports.shelves))
    assert "Drift: column public.books.hack is only in production" in card.text
    fresh.run("alter table books drop column hack")
    assert walk.on().stage == "watch"
    assert overview(walk.ports.projects["shop"], walk.ports.shelves).strays == ()


def test_an_approver_may_waive_it(walk: Walk) -> None:
    walk.on()
    said = {"gate": "drift", "reason": "an index job's", "state": "waiting", "said": line(walk)}
    walk.journal.append([Fact(about=walk.record, kind="gate.waived", actor=BO, data=said)])
    assert walk.on().stage == "watch"


def test_a_baseline_accepts_it_for_good_and_only_that(walk: Walk, fresh: Fresh) -> None:
    project = walk.ports.projects["shop"]
    asked = Requests(walk.ports).baseline(ANA, project, "3")
    assert [difference.said for difference in asked.plan.accepts] == [
        "column public.books.hack is only in production, and no migration explains it",
    ]
    Walker(walk.ports, {"baseline": baseline.RUNBOOK}).walk(asked.record)
    walk.journal.append([Fact(about=asked.record, kind="promotion.approved", actor=BO)])
    Walker(walk.ports, {"baseline": baseline.RUNBOOK}).walk(asked.record)
    fresh.run("alter table books alter title set not null")
    walk.on()
    assert "1 difference: column public.books.title is not the same" in line(walk)
    fresh.run("alter table books alter title drop not null")
    assert walk.on().stage == "watch"
    found = drifted(project.name, look(project.databases), walk.ports.shelves)
    assert [stray.name for stray in found.held] == ["column public.books.hack"]

"""What is said of locks and data before somebody approves, and of where a rollback's data lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.applying import Failure
from bot.domain.entry import Json
from bot.domain.promotion import Ending, Promotion
from bot.domain.rolling_back import Rolling, Severity
from templates.promotion.way_back import approving_costs, card_lines, rollback_data
from tests.reporting_side import Desk

LOCKS = ["books for about 12 ms (reads and writes wait)", "books for about 3 ms (reads and writes wait)"]
LOST = "the values of books.region"


@pytest.fixture
def promotion(tmp_path: Path) -> Iterator[Promotion]:
    desk = Desk(tmp_path)
    desk.promoted(ended=False)
    desk.note("P-1", "way_back.seen", schema="exact", lost=[LOST], given_up=[], locks=LOCKS, sql={})
    yield Promotion.of(desk.journal.entries(about="P-1"))
    desk.journal.close()


def test_the_question_before_an_approval_says_what_locks_and_what_goes(promotion: Promotion) -> None:
    said = approving_costs(promotion)
    assert said.startswith(f"Locks books for about 12 ms and again 3 ms. Destroys {LOST} (kept nowhere")


def test_locks_of_one_table_are_said_once(promotion: Promotion) -> None:
    assert "Locks books for about 12 ms and again 3 ms (reads and writes wait): seen" in str(card_lines(promotion))


def test_rows_that_a_file_writes_are_not_said_to_come_back(promotion: Promotion) -> None:
    changed: dict[str, Json] = {
        "schema": "exact", "lost": [], "given_up": [], "stays": ["overwrites books.price", "inserts into books"],
    }
    said = str(card_lines(replace(promotion, way_back=changed)))
    rows = "it overwrites books.price, inserts into books (the old values: "
    assert f"Data: rows stay as it leaves them when it is taken back: {rows}" in said
    assert "nothing is lost" not in said
    own = Rolling(
        of="P-1", severity=Severity.MAJOR, reason="", steps=(), ground="", kept_in="BK-1",
        stays=("overwrites books.price", "inserts into books"),
    )
    assert Rolling.from_json(own.to_json()) == own
    assert rollback_data(promotion, own) == f"Data: rows stay as P-1 left them: {rows}kept in backup BK-1)."


def test_a_rollback_names_the_backup_from_before_the_data_was_destroyed(promotion: Promotion) -> None:
    own = Rolling(of="P-1", severity=Severity.MAJOR, reason="", steps=(), ground="", lost=(LOST,), kept_in="BK-1")
    assert Rolling.from_json(own.to_json()) == own
    assert rollback_data(promotion, own) == f"Data: {LOST} are lost to SQL (kept in backup BK-1)."


def test_once_it_is_taken_back_the_loss_is_no_longer_a_maybe(promotion: Promotion) -> None:
    own = Rolling(
        of="P-1", severity=Severity.MAJOR, reason="", steps=(), ground="", given_up=("what is written to books.isbn",),
    )
    waiting = replace(promotion, committed={})
    assert rollback_data(waiting, own).startswith("Data: what is written to books.isbn until then would be lost (")
    assert promotion.committed
    assert rollback_data(promotion, own).startswith("Data: what was written to books.isbn before that is gone (")


def test_of_what_is_not_in_production_no_locks_and_no_way_back_are_said(promotion: Promotion) -> None:
    ending = Ending(verdict="failed", why="it broke", at=promotion.requested_at, by="stagedoor")
    assert card_lines(replace(promotion, ending=ending)), "it is in"
    assert not card_lines(replace(promotion, ending=ending, committed={}, attempt=None))
    doubtful = Failure(version="1", why="", sqlstate="", statement=0, line=0, clean=False)
    assert card_lines(replace(promotion, ending=ending, committed={}, attempt=None, failure=doubtful))

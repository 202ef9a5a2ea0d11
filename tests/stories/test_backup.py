"""From Slack to the disk and back: what a promotion destroys is dumped, proven and named on its card."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.house import ANA, BO, CY, ERIN, POLICY, UNCHECKED, House

Opens = Callable[..., House]

DROP = "20261101140000_drop_region.sql"


def test_a_drop_goes_in_after_its_backup_and_the_card_names_it(house: Opens) -> None:
    h = house(policy=POLICY.replace("[approvals]", "[approvals]\nrequired_destructive = 2"))
    h.only()
    h.write(DROP, "-- Migration: Drop the region\n-- Date: 2026-11-01\n-- Author: Ana\n"
                  "ALTER TABLE books DROP COLUMN IF EXISTS region;\n")
    card = h.ready_to_approve()
    text = h.reads(card, "✓ SQL check: nothing blocks")
    assert "✓ A backup can be taken: the plan destroys or rewrites data; " in text
    assert "the values of books.region are lost to SQL (a backup is taken first)" in text
    h.presses(BO, card, "Approve")
    h.presses(CY, card, "Approve")
    h.reads(card, "Done · in production")
    assert "are lost to SQL (kept in backup BK-1)" in h.reads(card, "BK-1")
    thread = h.thread_says(card, "✓ Backup BK-1")
    assert "Backing up the whole database as BK-1 first; nothing goes in before it is proven" in thread
    assert "proven by reading it whole" in thread
    [dump] = (h.directory / "backups" / "default").iterdir()
    assert dump.name.startswith("BK-1_default_")


@pytest.mark.slow
def test_a_backup_now_has_its_card_and_the_list_tells_how_to_restore_it(house: Opens) -> None:
    h = house()
    h.says(ANA, "/migrate backup")
    assert "There is none yet" in h.told(ANA, "Backups")
    h.says(ERIN, "/migrate backup now")
    assert "operators" in h.told(ERIN, "operator")
    h.says(ANA, "/migrate backup now")
    text = h.reads("BK-1", "Done · ")
    assert "proven by reading it whole" in text
    h.thread_says("BK-1", "@ana: BK-1 is done")
    h.says(ANA, "/migrate backup")
    said = h.told(ANA, "To restore BK-1 into an empty database")
    assert "pg_restore --no-owner" in said
    assert "before what destroys or rewrites data, no nightly one" in said


@pytest.mark.slow
def test_deleted_rows_are_kept_inside_production_and_come_back_once_approved(house: Opens) -> None:
    h = house(policy=UNCHECKED)
    h.only()
    h.write(DROP, "DELETE FROM books WHERE id = 1;\n")
    before = h.production_rows("select books::text from books order by id")
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    h.thread_says(card, "Kept inside production with statement 1, if it goes in: 1 row of books")
    assert len(h.production_rows("select books::text from books")) == len(before) - 1
    h.says(ANA, "/migrate backup")
    assert "P-1: 1 row of public.books" in h.told(ANA, "Rows kept inside production")
    h.says(ANA, "/migrate backup restore P-1")
    h.reads("RD-1", "Waiting for approval, 0 of 1")
    h.presses(ANA, "RD-1", "Approve")
    h.told(ANA, "someone else has to approve it")
    h.presses(BO, "RD-1", "Approve")
    h.reads("RD-1", "Done · back in production: 1 row, approved by @bo")
    thread = h.thread_says("RD-1", "books: 1 of 1 row back")
    assert thread.index("✓ Backup BK-2: ") < thread.index("✓ Committed in one transaction"), "a dump before, here too"
    assert h.production_rows("select books::text from books order by id") == before
    h.says(ANA, "/migrate backup restore P-1")
    h.told(ANA, "What P-1 destroyed was put back already")

"""From Slack to the disk and back: what a promotion destroys is dumped, proven and named on its card."""

from __future__ import annotations

from collections.abc import Callable

from tests.stories.house import BO, CY, POLICY, House

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
    assert "the values of books.region is lost to SQL (a backup is taken first)" in text
    h.presses(BO, card, "Approve")
    h.presses(CY, card, "Approve")
    h.reads(card, "Done · in production")
    assert "is lost to SQL (kept in backup BK-1)" in h.reads(card, "BK-1")
    thread = h.thread_says(card, "✓ Backup BK-1")
    assert "Backing up the whole database as BK-1 first; nothing goes in before it is proven" in thread
    assert "proven by reading it whole" in thread
    [dump] = (h.directory / "backups" / "default").iterdir()
    assert dump.name.startswith("BK-1_default_")

"""What a migration will do is said before anybody is asked to approve it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.house import ANA, BO, CY, POLICY, House

Opens = Callable[..., House]

OPEN = "20261101130000_open.sql"
HEAD = "-- Migration: Notes\n-- Date: 2026-11-01\n-- Author: Ana\n"


def alone(h: House, sql: str) -> str:
    """One pending migration, staged; returns its promotion."""
    h.only()
    h.write(OPEN, HEAD + sql)
    h.staged()
    h.says(ANA, "/migrate promote")
    return "P-1"


def test_migrate_check_tells_findings_with_line_cost_and_safe_form(house: Opens) -> None:
    h = house(policy=f'{POLICY}[backups]\nwhen = "never"\n')
    h.write(OPEN, HEAD + "alter table books drop column sold;\n")
    h.says(ANA, "/migrate check")
    said = h.told(ANA, "SQL check")
    assert "3 files" in said
    assert "block drop-without-backup (destructive) · 20261101130000_open.sql:4" in said
    assert "CREATE TABLE public.books_before AS TABLE public.books;" in said
    assert "USING (true) on public.my_table reaches everybody for reading." in said
    assert "so more people approve it: drops the column public.books.sold (line 4)" in said
    h.says(ANA, "/migrate check 20261101121500")
    assert "drop-without-backup" not in h.told(ANA, "SQL check · 1 file")


def test_the_runbooks_own_example_goes_in_with_one_approval(house: Opens) -> None:
    h = house()
    h.only("20261101120000")
    card = h.ready_to_approve()
    assert "SQL check: nothing blocks, 2 warnings" in h.reads(card, "0 of 1")
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")


def test_a_block_holds_the_promotion_and_never_the_staging_run(house: Opens) -> None:
    h = house()
    card = alone(h, "create table if not exists public.notes (id bigint primary key);\n")
    text = h.reads(card, "public.notes has no row level security")
    assert "[Approve]" not in text
    assert "[Waive]" in text
    h.presses(ANA, card, "Waive")
    h.told(ANA, "someone else has to waive it")
    h.waives(BO, card, "notes are public on purpose")
    text = h.reads(card, "Waiting for approval")
    assert "by @bo" in text
    h.confirmed(card)
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")


def test_a_secret_cannot_be_waived(house: Opens) -> None:
    h = house()
    card = alone(h, "comment on table books is 'sb_" + "secret_abcdefghijklmnopqrstuv';\n")
    assert "[Waive]" not in h.reads(card, "secrets cannot be waived")


@pytest.mark.slow
def test_approvers_see_what_the_author_passed_over(house: Opens) -> None:
    h = house()
    card = alone(
        h, "-- stagedoor: ignore rls-missing because the API never serves it\n"
           "create table if not exists public.notes (id bigint primary key);\n",
    )
    text = h.reads(card, "nothing blocks")
    assert "Passed over by its author: rls-missing on line 4 of 20261101130000_open.sql" in text
    assert "the API never serves it" in text


@pytest.mark.slow
def test_what_cannot_be_read_needs_more_people(house: Opens) -> None:
    h = house()
    card = alone(h, "do $$ begin execute 'select ' || '1'; end $$;\n")
    h.reads(card, "Waiting for approval")
    h.confirmed(card)
    h.presses(BO, card, "Approve")
    h.reads(card, "1 of 2")
    h.presses(CY, card, "Approve")
    h.reads(card, "Done · in production")

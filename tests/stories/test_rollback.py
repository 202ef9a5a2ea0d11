"""Rolling back, from Slack: asked for, approved, taken out of production and staging, and given its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from rehearsal.world import FOLDER
from tests.stories.house import ANA, BO, CY, ERIN, FEATURE, POLICY, House

pytestmark = pytest.mark.slow  # whole worlds; the rules themselves are told in tests/test_rollback_runbook.py

Opens = Callable[..., House]
WATCHING = POLICY.replace('duration = "1s"', 'duration = "5m"') + '[incidents]\non_call = ["U0ERIN001"]\n'


def promoted(h: House, number: int = 1, until: str = "In production since") -> str:
    card = h.ready_to_approve(number)
    h.presses(BO, card, "Approve")
    h.reads(card, until)
    return card


def rolls_back(h: House, user: str, card: str, severity: str = "major", reason: str = "the app is broken") -> Any:
    h.presses(user, card, "Roll back")
    h.until(lambda: h.slack.modal(user), "the modal")
    return h.slack.submit(user, values={"severity": severity, "reason": reason})


def waiting(h: House) -> str:
    h.reads("P-1", "Waiting for approval")
    return "P-1"


def columns(address: str) -> list[str]:
    with psycopg.connect(address) as connection:
        query = "select column_name from information_schema.columns where table_name = 'my_table' order by 1"
        return [row[0] for row in connection.execute(query).fetchall()]


def test_an_approver_presses_it_while_it_is_watched_and_everything_follows(house: Opens) -> None:
    h = house(policy=WATCHING)
    h.only(FEATURE)
    card = promoted(h)
    h.presses(BO, card, "Roll back")
    modal = h.until(lambda: h.slack.modal(BO), "the modal")
    said = h.slack.text_of(modal)
    assert f"{FEATURE} add_feature_xyz, by the draft, proven exact on staging" in said
    assert "what is written to my_table.new_column" in said
    assert "Rows: my_table.new_column has a value in 0 rows · counted" in said
    assert "a forward fix is usually the better way" in said
    h.slack.submit(BO, values={"severity": "major", "reason": "bestseller lists are empty"})
    h.told(BO, "R-1 rolls P-1 back now")
    text = h.reads("R-1", "P-1 is rolled back")
    assert "Pressed by" in text
    assert "touched objects are exactly as before the promotion" in text
    assert "✓ Staging: taken back there too, by S-2" in text
    assert "✓ File: 20261101120001_rollback_add_feature_xyz.sql is in migrations" in text
    assert "new_column" not in columns(h.production)
    assert "new_column" not in columns(h.staging)
    assert h.history() == h.history(h.staging) == ["20261020090000", FEATURE, "20261101120001"]
    written = (h.migrations / "20261101120001_rollback_add_feature_xyz.sql").read_text()
    assert written.startswith("-- Rollback: Undo 20261101120000 add_feature_xyz (P-1)\n-- Reason: bestseller lists are")
    of = h.reads(card, "Rolled back by R-1")
    assert "[Roll back]" not in of
    assert "watching" not in of
    h.says(ANA, "/migrate status")
    h.told(ANA, "20261101120001 rollback_add_")


def test_rolled_back_after_it_is_done_by_an_approver_other_than_the_one_who_asked(house: Opens) -> None:
    h = house(policy=POLICY + '[rollback]\npreapproved = "0s"\nbreak_glass_after = "2s"\n')
    h.only(FEATURE)
    card = promoted(h, until="Done · in production")
    assert "[Roll back]" in h.reads(card, "Done")
    h.says(BO, "/migrate rollback")
    h.until(lambda: h.slack.modal(BO), "the modal")
    h.slack.submit(BO, values={"severity": "minor", "reason": "the label is misspelt"})
    h.told(BO, "R-1 asks for P-1 to be rolled back")
    text = h.reads("R-1", "Waiting for one approver other than @bo")
    assert "A forward fix is advised for a minor fault" in text
    h.reads(card, "R-1 takes it back, asked for by @bo: the label is misspelt")
    assert "[Roll back]" not in h.reads(card, "R-1 takes it back")
    h.presses(BO, "R-1", "Approve")
    h.told(BO, "someone else has to approve it")
    h.reads("R-1", "[Break glass]")
    h.presses(BO, "R-1", "Break glass")
    h.until(lambda: h.slack.modal(BO), "the modal")
    h.slack.submit(BO, values={"reason": "nobody is awake"})
    text = h.reads("R-1", "P-1 is rolled back")
    assert "Glass broken by @bo, because nobody answered. Reason: nobody is awake" in text
    h.thread_says("R-1", "it begins on one person's word: nobody is awake")
    h.thread_says("R-1", "R-1 began on the word of @bo alone (nobody is awake). Look at what was done")
    h.presses(BO, "R-1", "Reviewed")
    h.told(BO, "somebody else has to look at it")
    h.presses(CY, "R-1", "Reviewed")
    h.reads("R-1", "Reviewed by @cy.")
    h.thread_says("R-1", "R-1 was reviewed by @cy.")
    h.reads(card, "Rolled back by R-1")
    h.says(ANA, "/migrate rollback P-1")
    h.told(ANA, "P-1 was rolled back already, by R-1")


def test_an_emergency_goes_in_at_once_and_owes_its_evidence(house: Opens) -> None:
    h = house(policy=POLICY)
    h.only(FEATURE)
    h.staged()
    h.says(ANA, "/migrate promote --emergency checkout is down")
    text = h.reads("P-1", "Waiting for approval, 0 of 1")
    assert "Emergency: promote 1 migration to production" in text
    assert "Emergency, by @ana: checkout is down" in text
    h.presses(ANA, "P-1", "Approve")
    h.told(ANA, "someone else has to approve")
    h.presses(BO, "P-1", "Approve")
    h.reads("P-1", "Skipped by emergency and still owed")
    h.thread_says("P-1", "@ana: Skipped by emergency, and owed now: Pull request approved, Frontend tested with")
    h.presses(ANA, "P-1", "Confirm", near="Frontend tested")
    h.until(lambda: "◻ Frontend tested" not in h.slack.text_of(h.card("P-1")) or None, "the tick")
    h.presses(BO, "P-1", "Confirm", near="Pull request approved")
    h.thread_says("P-1", "is done. Production has all of it")


def test_where_the_files_are_on_github_a_pull_request_brings_its_file(house: Opens) -> None:
    policy = WATCHING.replace("[gates]", '[gates]\nskip = ["pull_request"]').replace(
        'manual = ["Frontend tested with staging"]', "manual = []",
    )
    h = house(policy=policy, github=True, start=False)
    h.github.commit({f"{FOLDER}/{FEATURE}_add_xyz.sql": "-- Migration: xyz\nALTER TABLE books ADD COLUMN xyz text;\n"})
    h.start_bot()
    h.says(ANA, "/migrate stage")
    h.reads("S-1", "Done · in staging")
    h.says(ANA, "/migrate promote")
    h.presses(BO, waiting(h), "Approve")
    h.reads("P-1", "In production since")
    rolls_back(h, ERIN, "P-1")
    text = h.reads("R-1", "P-1 is rolled back")
    name = "20261101120001_rollback_add_xyz.sql"
    assert f"◻ File: #1 brings {name}." in text
    assert "Until it is merged the Supabase CLI rightly says that this file is missing" in text
    [pull] = h.github.pulls.all.values()
    head = h.github.git.commits[h.github.git.branches[pull.branch]]
    assert pull.branch == "stagedoor/20261101120001_rollback_add_xyz"
    content = head.files[f"{FOLDER}/{name}"]
    assert b"-- Rollback: Undo 20261101120000 add_xyz (P-1)" in content
    rows = "select array_to_string(statements, ';') from supabase_migrations.schema_migrations where version = %s"
    assert "DROP COLUMN xyz" in h.production_rows(rows, "20261101120001")[0][0]
    h.until(lambda: said_of(h, pull.head) == "success", "the status of the pull request's commit")
    h.until(lambda: said_of(h, h.github.head("main")) == "failure", "the status of what was rolled back")
    h.says(ANA, "/migrate promote")
    h.told(ANA, "Nothing to do")


def said_of(h: House, commit: str) -> str:
    said = h.github.said(commit)
    return said[-1]["state"] if said else ""

"""Rolling back, from Slack: asked for, approved, taken out of production and staging, and given its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.stories.house import ANA, BO, FEATURE, POLICY, House

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

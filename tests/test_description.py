"""What a pull request's description says, whatever form it has."""

from __future__ import annotations

import re

import pytest

from bot.domain.description import SCREENSHOT, missing

FULL = """
## Purpose
Readers want to see the region.

## Test results from staging
- Migration applied successfully? ✅
- Frontend tested? ✅
- Performance impact? minimal

## Rollback plan
Drop the column.
"""
TEMPLATE = """
## Purpose
<!-- what problem does it solve? -->

## Test results
- [ ]

## Performance impact
TODO
## Rollback plan

"""


@pytest.mark.parametrize(("description", "lacks"), [
    (FULL, ()),
    (re.sub("## (.*)", r"**\1**", FULL), ()),
    (TEMPLATE, ("purpose", "test results from staging", "performance impact", "rollback plan")),
    ("", ("purpose", "test results from staging", "performance impact", "rollback plan")),
    ("Adds the region so that readers can filter by it.", ("test results from staging", "performance impact",
                                                           "rollback plan")),
    ("Purpose: regions\nTests: green on staging\nPerformance: none\nRollback: drop the column", ()),
    ("Adds it for the shop's readers. Tested on staging by hand.\nNo performance impact was measured.\n"
     "To undo it, drop the column again.", ()),
    (FULL.replace("Drop the column.", ""), ("rollback plan",)),
])
def test_what_is_missing_is_named(description: str, lacks: tuple[str, ...]) -> None:
    assert missing(description) == lacks


def test_screenshots_are_asked_for_where_the_frontend_changes() -> None:
    assert missing(FULL, ["src/Page.tsx"]) == (SCREENSHOT,)
    assert missing(FULL + "![before](https://x/y.png)", ["src/Page.tsx"]) == ()
    assert missing(FULL, ["supabase/migrations/1_a.sql"]) == ()

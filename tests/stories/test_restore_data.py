"""A dropped column, from Slack: taken back by its rollback, and its values put back by `Restore data`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.house import ANA, BO, UNCHECKED, House
from tests.stories.test_rollback import promoted, rolls_back

Opens = Callable[..., House]

DROP = "20261101140000_drop_region.sql"
VALUES = "select string_agg(id || coalesce(region, '-'), ',' order by id) from books"


@pytest.mark.slow
def test_a_dropped_column_comes_back_with_its_values(house: Opens) -> None:
    h = house(policy=UNCHECKED.replace('duration = "1s"', 'duration = "5m"'))
    h.only()
    h.write(DROP, "ALTER TABLE books DROP COLUMN IF EXISTS region;\n")
    before = h.production_rows(VALUES)
    card = promoted(h)
    rolls_back(h, BO, card)
    h.reads("R-1", "P-1 is rolled back")
    assert h.production_rows(VALUES) != before
    assert "[Restore data]" in h.reads(card, "Rolled back by R-1")
    h.presses(ANA, "R-1", "Restore data")
    h.reads("RD-1", "Waiting for approval, 0 of 1")
    h.presses(BO, "RD-1", "Approve")
    h.reads("RD-1", "Done · back in production")
    assert h.production_rows(VALUES) == before

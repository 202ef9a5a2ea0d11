"""A project that comes with years of history: what differs today is accepted once, by somebody else."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.stories.house import ANA, BO, FEATURE, House

Opens = Callable[..., House]


def aged(h: House) -> None:
    """Rows without statements, a version without a file, a file edited after it was applied, one that never went in."""
    for address in (h.staging, h.production):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values"
                " ('20190101000000', 'ancient', null), ('20200101000000', 'by_hand', '{select 1}')"
            )
    h.write("20190101000000_ancient.sql", "create table ancient (id int);\n")
    h.write("20200202000000_never.sql", "create table never (id int);\n")
    base = next(h.migrations.glob("20261020090000_*"))
    base.write_text(base.read_text() + "\n-- one more word\nselect 1;\n")


@pytest.mark.slow
def test_the_first_promotion_is_not_blocked_for_good(house: Opens) -> None:
    h = house(start=False)
    h.only(FEATURE)
    aged(h)
    h.start_bot()
    h.says(ANA, f"/migrate stage {FEATURE}")
    assert "/migrate baseline" in h.reads("S-1", "Stopped: staging is unchanged")
    h.says(ANA, "/migrate baseline")
    text = h.reads("B-1", "Waiting for approval, 0 of 1")
    for said in (
        "20200101000000 is in production without a file here",
        "20261020090000 was edited after production had it",
        "20190101000000 cannot be compared: production's history keeps no statements for it",
        "20200202000000 never went into production and is older than its head: left out",
    ):
        assert said in text, text
    h.presses(ANA, "B-1", "Approve")
    h.told(ANA, "someone else has to approve")
    h.presses(BO, "B-1", "Approve")
    h.reads("B-1", "Accepted, approved by @bo")
    card = h.ready_to_approve_as("S-2", "P-1")
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    assert h.history()[-1] == FEATURE
    h.says(ANA, "/migrate baseline")
    h.told(ANA, "Nothing to accept")
    never = next(h.migrations.glob("20200202000000_*"))
    never.write_text("create table never_again (id int);\n")
    h.write("20261102000000_more.sql", "select 1;\n")
    h.says(ANA, "/migrate stage")
    h.reads("S-3", "Out of order: 20200202000000")

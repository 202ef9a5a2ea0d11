"""While it goes in: what runs now, who is in its way, what was left when it gave up; and the way on, from the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.stories.house import BO, CY, FEATURE, UNCHECKED, House

pytestmark = pytest.mark.slow

Opens = Callable[..., House]

IMPATIENT = UNCHECKED + '[apply]\nlock_timeout = "300ms"\nstatement_timeout = "40s"\nretries = 1\n'


@contextmanager
def reports(h: House) -> Iterator[int]:
    """Somebody's transaction that has read the books and does not end; its pid."""
    with psycopg.connect(h.production, application_name="reports") as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select count(*) from books where title <> 'secret'")
        yield reader.info.backend_pid


def test_a_lock_is_given_up_with_its_holder_named_and_resumed(house: Opens) -> None:
    h = house(policy=IMPATIENT)
    h.only(FEATURE)
    card = h.ready_to_approve()
    with psycopg.connect(h.production, application_name="reports") as other:
        other.execute("lock table supabase_migrations.schema_migrations in share mode")
        h.presses(BO, card, "Approve")
        text = h.reads(card, "[Resume]")
        pid = other.info.backend_pid
    assert "Stopped: production is unchanged" in text
    assert f"The lock was held by: pid {pid}, user postgres, application" in text
    assert "press Resume. What was approved holds." in text
    thread = h.thread_says(card, "stopped and production is unchanged")
    assert thread.count("canceling statement due to lock timeout") == 2
    h.presses(CY, card, "Resume")
    assert "approved by @bo" in h.reads("P-2", "Done · in production")
    assert h.history()[-1] == FEATURE


def test_a_concurrent_build_says_how_far_it_is_and_who_holds_it_up(house: Opens) -> None:
    h = house(policy=IMPATIENT)
    h.only(FEATURE)
    h.write("20261101130000_title_index.sql", "create index concurrently books_title_idx on books (title);\n")
    h.says(BO, "/migrate stage")
    h.reads("S-1", "Done · in staging")
    card = h.asked()
    h.confirmed(card)
    assert "20261101130000 is CREATE INDEX CONCURRENTLY books_title_idx, alone" in h.reads(card, "[Approve]")
    with reports(h) as pid:
        h.presses(BO, card, "Approve")
        text = h.reads(card, "waiting for old snapshots, 0 of 1")
        assert "Applying 2 of 2 to production · statement 1 of 1" in text
        assert f"Held up by pid {pid}, user postgres, application \"reports\"" in text
        assert "secret" not in text
    assert "lock on" in h.reads(card, "Done · in production")
    assert "it ran alone, outside a transaction" in h.thread(card)
    assert h.history()[-1] == "20261101130000"
    assert h.production_rows("select indisvalid from pg_index where indexrelid = 'books_title_idx'::regclass") == [
        (True,),
    ]

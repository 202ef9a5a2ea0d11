"""The whole way in a real browser: one person asks, another approves, production has it."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from rehearsal.script import GOOD
from rehearsal.world import World
from tests.browser.person import Person

pytestmark = pytest.mark.slow

PICTURE = os.environ.get("STAGEDOOR_SCREENSHOT", "")
TICKS = ("Pull request approved", "Frontend tested with staging")

People = tuple[Person, Person]


def test_one_asks_another_approves_done(people: People, world: World) -> None:
    ana, bo = people
    ana.types("/migrate promote")
    ana.reads("Held by 2 gates: On staging, Has a rollback plan")
    ana.sees_no("Approve")
    ana.types("/migrate stage")
    ana.reads("Done · in staging", card="S-1")
    ana.reads("Waiting for approval, 0 of 1 · 2 lines below to confirm")
    ana.presses("Confirm", near=TICKS[0])
    bo.reads(f"✓ {TICKS[0]}")
    bo.reads("Waiting for approval, 0 of 1 · 1 line below to confirm")
    if PICTURE:
        keep_picture(bo)
    bo.presses("Approve")
    bo.agrees("Approve")
    bo.reads(f"Still needed: {TICKS[1]}")
    assert not in_production(world)
    ana.reads(f"Still needed: {TICKS[1]}")  # a button of a card that has changed meanwhile is not there any more
    ana.presses("Confirm", near=TICKS[1])
    bo.reads("In production since")
    assert in_production(world)
    ana.reads("Done · in production since")
    for person in people:
        person.sees_no("Approve")
        person.reads("approved by @bo")


def test_the_whole_way_by_keyboard_alone(people: People, world: World) -> None:
    ana, bo = people
    ana.goes_to("Skip to the message box")
    ana.key("Enter")
    ana.writes("/migrate stage")
    ana.reads("Done · in staging", card="S-1")
    ana.writes("/migrate promote")
    ana.reads("Waiting for approval")
    for tick in reversed(TICKS):
        ana.goes_to("Confirm", back=True)
        ana.key("Enter")
        ana.reads(f"✓ {tick}")
    bo.reads(f"✓ {TICKS[0]}")
    bo.goes_to("Approve")
    bo.key("Enter")
    bo.page.get_by_role("dialog").wait_for()
    bo.key("Enter")
    bo.reads("Done · in production since")
    assert in_production(world)


def test_the_sql_is_read_and_closed_by_keyboard(people: People) -> None:
    ana, bo = people
    ana.types("/migrate promote")
    bo.reads("Held by 2 gates")
    bo.goes_to("View SQL")
    bo.key("Enter")
    dialog = bo.page.get_by_role("dialog")
    dialog.get_by_text("ALTER TABLE my_table ADD COLUMN new_column TEXT;").wait_for()
    bo.key("Escape")
    dialog.wait_for(state="hidden")


def in_production(world: World) -> bool:
    with psycopg.connect(world.production) as connection:
        query = "select count(*) from supabase_migrations.schema_migrations where version = %s"
        return connection.execute(query, (GOOD,)).fetchone() == (1,)


def keep_picture(person: Person) -> None:
    """The card as it stands, for the README."""
    path = Path(PICTURE)
    path.parent.mkdir(parents=True, exist_ok=True)
    person.page.mouse.move(0, 0)
    person.card().screenshot(path=path)
    assert path.stat().st_size < 250_000

"""The scripted rehearsal: a promotion, its rollback, a migration that production refuses, an incident; all checked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg

from rehearsal import shop
from rehearsal.script_incident import incident
from rehearsal.slack import Message
from rehearsal.step import PATIENCE, Step, private
from rehearsal.world import World

ANA, BO, CY = "U0ANA0001", "U0BO00001", "U0CY00001"
GOOD, BAD = "20261101120000", "20261101123000"
LABELS = ("Pull request approved", "Frontend tested with staging")


def steps(world: World) -> Iterator[Step]:
    """Every step of the play, in order."""
    yield from _promotion(world)
    yield from _rollback(world)
    yield from _failure(world)
    yield from incident(world)


def _promotion(world: World) -> Iterator[Step]:
    slack = world.slack
    yield Step("ana looks at the status", lambda: slack.command(ANA, "/migrate status").ok)
    yield Step("  it shows the runbook's migration as pending", lambda: private(world, ANA, GOOD))
    yield Step("ana puts what is pending into staging: /migrate stage", lambda: slack.command(ANA, "/migrate stage").ok)
    yield Step("  staging has it, verified", lambda: _card(world, "Stage", "Done · in staging"))
    yield Step("ana asks for production: /migrate promote", lambda: slack.command(ANA, "/migrate promote").ok)
    waiting = "Waiting for approval, 0 of 1"
    yield Step("  its gates pass and it waits for approval", lambda: _card(world, "Promote", waiting))
    yield Step("ana presses Approve", lambda: slack.press(ANA, _card(world, "Promote"), "Approve").ok)
    yield Step("  she is refused: somebody else has to", lambda: private(world, ANA, "someone else has to approve"))
    for label in LABELS:
        yield Step(f"ana confirms: {label}", lambda label=label: _confirm(world, label))  # type: ignore[misc]
    yield Step("bo presses Approve", lambda: slack.press(BO, _card(world, "Promote"), "Approve").ok)
    yield Step("  production has it", lambda: _card(world, "Promote", "In production since"))
    yield Step("  the column is really there", lambda: _has_column(world.production, "my_table", "new_column"))
    yield Step("  it was watched to the end", lambda: _card(world, "Promote", "Done · in production"))


def _rollback(world: World) -> Iterator[Step]:
    slack = world.slack
    yield Step("the new column turns out to break the bestseller lists", lambda: True)
    yield Step("bo presses Roll back", lambda: slack.press(BO, _card(world, "Promote"), "Roll back").ok)
    yield Step("  it asks how bad it is, and why", lambda: slack.wait_for(
        lambda: slack.modal(BO), timeout=PATIENCE, why="the modal of Roll back"))
    answers = {"severity": "major", "reason": "the bestseller lists are empty"}
    yield Step("  major, he says: the lists are empty", lambda: slack.submit(BO, values=answers).ok)
    yield Step("  it was approved with its promotion, so it begins", lambda: private(world, BO, "rolls P-1 back now"))
    as_before = "exactly as before the promotion"
    yield Step("  production is as it was before, and verified", lambda: _card(world, "Roll back", as_before))
    yield Step("  the column is gone", lambda: not _has_column(world.production, "my_table", "new_column"))
    yield Step("  staging went the same way", lambda: _card(world, "Roll back", "Staging: taken back there too"))
    written = "  its migration lies in the folder, for the CLI"
    yield Step(written, lambda: slack.wait_for(
        lambda: any(world.migrations.glob("*_rollback_*.sql")), timeout=PATIENCE, why="the rollback's file"))
    yield Step("  the promotion's card says so", lambda: _card(world, "Promote", "Rolled back by R-1"))
    yield Step("  it ends well", lambda: _card(world, "Roll back", "P-1 is rolled back"))


def _failure(world: World) -> Iterator[Step]:
    slack = world.slack
    yield Step("a migration is merged that production will refuse", lambda: shop.merge_the_bad_one(world.migrations))
    yield Step("ana puts it into staging", lambda: slack.command(ANA, "/migrate stage").ok)
    yield Step("  staging likes it", lambda: _card(world, "Stage", "Done · in staging", nth=2))
    yield Step("ana asks for production", lambda: slack.command(ANA, "/migrate promote").ok)
    yield Step("  it waits for approval", lambda: _card(world, "Promote", "Waiting for approval", nth=1))
    for label in LABELS:
        yield Step(f"ana confirms: {label}", lambda label=label: _confirm(world, label, nth=1))  # type: ignore[misc]
    yield Step("bo presses Approve", lambda: slack.press(BO, _card(world, "Promote", nth=1), "Approve").ok)
    yield Step("  it stops, and says that production is unchanged", lambda: _stopped(world))
    yield Step("  ana is called in its thread", lambda: _called(world, ANA))
    yield Step("  production has no trace of it", lambda: _unchanged(world))


def _cards(world: World, title: str) -> list[Message]:
    """The cards of a kind, oldest first: a card keeps its place, whatever its first line says now."""
    series = {"Promote": "P-", "Stage": "S-", "Roll back": "R-"}[title]
    own = re.compile(rf"^{series}\d+ · plan ", re.MULTILINE)
    return [message for message in world.slack.messages("#deploys") if own.search(world.slack.text_of(message))]


def _card(world: World, title: str, says: str = "", nth: int = 0) -> Message:
    def found() -> Message | None:
        cards = _cards(world, title)
        return cards[nth] if len(cards) > nth and says in world.slack.text_of(cards[nth]) else None

    return world.slack.wait_for(found, timeout=PATIENCE, why=f"a card that says “{says}”")


def _confirm(world: World, label: str, nth: int = 0) -> bool:
    delivered = world.slack.press(ANA, _card(world, "Promote", nth=nth), "Confirm", near=label)
    _card(world, "Promote", f"✓ {label}", nth=nth)
    return delivered.ok


def _stopped(world: World) -> Message:
    card = _card(world, "Promote", "Stopped: production is unchanged", nth=1)
    assert "23502" in world.slack.text_of(card), "the SQLSTATE is missing"
    return card


def _called(world: World, user: str) -> Message:
    card = _card(world, "Promote", nth=1)

    def found() -> Message | None:
        calls = (one for one in world.slack.thread(card) if f"<@{user}>" in one.text and "stopped" in one.text)
        return next(calls, None)

    return world.slack.wait_for(found, timeout=PATIENCE, why="a line that calls who asked")


def _has_column(address: str, table: str, column: str) -> bool:
    with psycopg.connect(address) as connection:
        query = "select count(*) from information_schema.columns where table_name = %s and column_name = %s"
        row = connection.execute(query, (table, column)).fetchone()
    return row is not None and row[0] == 1


def _unchanged(world: World) -> bool:
    with psycopg.connect(world.production) as connection:
        row = connection.execute(
            "select count(*) from supabase_migrations.schema_migrations where version = %s", (BAD,),
        ).fetchone()
    return row == (0,) and not _has_column(world.production, "books", "region_checked_at")

"""SIGKILL at every point of a rollback, and writers at work while it goes on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest

from rehearsal.postgres import Postgres
from tests.stories.house import BO, FEATURE, UNCHECKED, House
from tests.stories.test_kills import Mortal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

Opens = Callable[..., House]
BACK = "20261101120001"
BASE = "20261020090000"


def in_production(h: House) -> str:
    h.only(FEATURE)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    return card


def insists_on_rolling_back(h: Mortal, card: str) -> None:
    """Press and fill in again, as people do, until there is a rollback."""
    def asked() -> bool:
        text = h.slack.text_of(h.card(card))
        return "takes it back" in text or "Rolled back by" in text

    deadline = time.monotonic() + 120
    while not asked():
        assert time.monotonic() < deadline, h.slack.transcript()
        with suppress(LookupError, AssertionError):
            h.presses(BO, card, "Roll back")
        until = time.monotonic() + 4
        while time.monotonic() < until and not h.slack.modal(BO) and not asked():
            time.sleep(0.1)
        if h.slack.modal(BO):
            with suppress(LookupError, AssertionError):
                h.slack.submit(BO, values={"severity": "major", "reason": "it broke"})
        until = time.monotonic() + 4
        while time.monotonic() < until and not asked():
            time.sleep(0.1)


def test_killed_at_every_point_of_a_rollback(server: Postgres) -> None:
    with Mortal("write:1:after write:2:after write:3:after", postgres=server, start=False) as h:
        h.start_bot()
        card = in_production(h)
        h.kill_bot()
        h.begin()
        insists_on_rolling_back(h, card)
        rollback = h.until(lambda: next((f"R-{n}" for n in range(1, 9) if h.says_of(f"R-{n}", "is rolled back")), None),
                           "the end of the rollback", patience=150)
        h.until(lambda: "production is as it was before it" in h.thread(rollback) or None, "the last word", patience=60)
        assert h.lives >= 3, "it was to die, and did not"
        assert h.history() == [BASE, FEATURE, BACK]
        h.until(lambda: h.history(h.staging) == [BASE, FEATURE, BACK] or None, "staging", patience=60)
        assert "touched objects are exactly as before the promotion" in h.reads(rollback, "✓ Production")
        lines = [line for line in h.thread(rollback).splitlines() if line.strip()]
        assert not [line for line, count in Counter(lines).items() if count > 1], h.slack.transcript()
        assert len(list(h.migrations.glob(f"{BACK}_*"))) == 1
        entries = h.left()
        kinds = Counter(entry.kind for entry in entries if entry.about == rollback)
        assert kinds["apply.committed"] == kinds["verify.seen"] == kinds["rollback.filed"] == 1
        assert sum(entry.kind == "taken_back.done" for entry in entries if entry.about == card) == 1
        assert sum(entry.kind == "promotion.requested" and entry.data.get("for") == rollback for entry in entries) == 1


def test_writers_go_on_while_it_is_rolled_back(house: Opens) -> None:
    h = house(policy=UNCHECKED)
    card = in_production(h)
    over, waits, troubles = threading.Event(), list[float](), list[str]()

    def write(number: int) -> None:
        with psycopg.connect(h.production, autocommit=True) as connection:
            while not over.is_set():
                began = time.monotonic()
                try:
                    connection.execute("insert into my_table (name) values (%s)", (f"writer {number}",))
                    last = "(select max(id) from my_table)"
                    connection.execute(f"update my_table set name = name || '.' where id = {last}")
                except psycopg.Error as trouble:
                    troubles.append(str(trouble))
                waits.append(time.monotonic() - began)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    before = h.production_rows("select count(*) from my_table")[0][0]
    for writer in writers:
        writer.start()
    try:
        h.presses(BO, card, "Roll back")
        h.until(lambda: h.slack.modal(BO), "the modal")
        h.slack.submit(BO, values={"severity": "major", "reason": "it broke"})
        h.reads("R-1", "P-1 is rolled back", patience=60)
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert not troubles
    assert max(waits) < 3.5, "nobody waits longer for us than lock_timeout"
    done = h.production_rows("select count(*) from my_table")[0][0] - before
    assert done == len(waits), "not one write is missing"

"""One process dies or freezes at a moment that matters and another goes on: done once, said once, nobody has to ask."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from bot.adapters.system_clock import SystemClock
from bot.domain.entry import Entry, audit
from bot.scrub import Scrubber
from bot.stores import store_at
from rehearsal.postgres import Postgres
from tests.stories.house import ANA, BO, FEATURE, UNCHECKED, House
from tests.stories.relay import COMMAND, ENVIRONMENT, Relay
from tests.stories.test_kills import ONCE
from tests.wire import Wire

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Opens = Callable[..., House]
NOTES = "create table notes (id int primary key{more});\nalter table notes enable row level security;\n"
BASE, BACK = "20261020090000", "20261101120001"


@pytest.fixture
def store(server: Postgres) -> Iterator[str]:
    yield server.create("store")
    server.drop("store")


@pytest.fixture
def house_on(house: Opens, store: str) -> Opens:
    def opened(**more: object) -> House:
        return house(policy=UNCHECKED, environment={**ENVIRONMENT, "STAGEDOOR_STORE_URL": store}, **more)

    return opened


def entries(store: str, about: str = "") -> list[Entry]:
    """Of a chain that is whole."""
    journal = store_at(store).open(SystemClock(), Scrubber())
    try:
        assert audit(journal.entries(), against=journal.head()).broken_at is None
        return list(journal.entries(about or None))
    finally:
        journal.close()


RUNNING = "select 1 from pg_stat_activity where query like 'select slow()%' and state = 'active'"


def slow(h: House, seconds: float) -> None:
    """A migration that takes so long in production, and counts its tries where no rollback takes them back."""
    for address, long in ((h.staging, 0.0), (h.production, seconds)):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("create sequence tries")
            connection.execute(f"create function slow() returns void language sql as 'select pg_sleep({long})'")
    h.write("20261101130000_slow.sql", "select nextval('tries');\nselect slow();\ncreate table slowly (id int);\n")


def rolls_back(h: House, card: str) -> None:
    h.presses(BO, card, "Roll back")
    h.until(lambda: h.slack.modal(BO), "the modal")
    h.slack.submit(BO, values={"severity": "major", "reason": "it broke"})


def all_is_said(h: House) -> list[str]:
    """Every message in Slack, once none has been added for a while; a card may still be edited."""
    said, since = list[str](), time.monotonic()
    while time.monotonic() - since < 2:
        if said != (now := messages(h)):
            said, since = now, time.monotonic()
        time.sleep(0.1)
    return said


def messages(h: House) -> list[str]:
    return [
        f"{message.ts} {message.text[:60]}" for name in ("#deploys", "#incidents")
        for message in h.slack.messages(name, with_threads=True)
    ]


def said_once(h: House, *records: str) -> None:
    for record in records:
        lines = [line for line in h.thread(record).splitlines() if line.strip()]
        doubled = [line for line, count in Counter(lines).items() if count > 1]
        assert not doubled, f"{doubled}\n{h.slack.transcript()}"


def dies_while_it_waits(h: House) -> Callable[[subprocess.Popen[bytes]], None]:
    """SIGKILL, as soon as the rollback's statement waits for a lock."""
    def end(process: subprocess.Popen[bytes]) -> None:
        h.until(lambda: h.production_rows(
            "select 1 from pg_stat_activity where application_name like 'stagedoor:R-1%%' and wait_event_type = 'Lock'"
        ), "the rollback to wait for a lock")
        process.kill()
        process.wait()

    return end


def test_a_rollback_goes_on_with_the_next_process_wherever_one_was_lost(house_on: Opens, store: str) -> None:
    h = house_on()
    h.only(FEATURE)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    h._command = COMMAND
    with Relay(h, store) as relay, psycopg.connect(h.production) as reader:
        relay.hand_over("freeze backup:1:before", lambda process: process.terminate())
        relay.hand_over("kill statement:1:before:drop column", lambda process: rolls_back(h, card))
        relay.hand_over("", then=lambda: reader.execute("select count(*) from my_table"))
        relay.hand_over("freeze statement:1:after:'commit'", dies_while_it_waits(h))
        relay.hand_over("kill write:1:before:verify.seen", lambda process: reader.rollback())
        relay.hand_over("freeze post:1:before:is rolled back")
        relay.hand_over("")
        h.reads("R-1", "P-1 is rolled back")
        h.thread_says("R-1", "production is as it was before it")
        h.until(lambda: h.history(h.staging) == [BASE, FEATURE, BACK] or None, "staging")
        before = all_is_said(h)
        relay.wakes_up()
        assert messages(h) == before, "who wakes up says nothing"
    assert h.history() == [BASE, FEATURE, BACK]
    said_once(h, card, "R-1")
    h.end_bot()
    kinds = Counter(entry.kind for entry in entries(store, "R-1"))
    assert kinds["apply.committed"] == kinds["verify.seen"] == kinds["rollback.filed"] == 1


def test_what_runs_outside_a_transaction_and_a_restage_go_on_with_the_next_process(
    house_on: Opens, store: str,
) -> None:
    h = house_on()
    h.only()
    h.write("20261101130000_title_index.sql", "create index concurrently books_title_idx on books (title);\n")
    (h.migrations.parent / "rollbacks").mkdir(exist_ok=True)
    back = h.migrations.parent / "rollbacks" / "20261101130000_title_index.sql"
    back.write_text("drop index concurrently if exists books_title_idx;\n")
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    h._command = COMMAND
    with Relay(h, store) as relay:
        relay.hand_over("freeze statement:1:before:drop index concurrently", lambda process: process.terminate())
        relay.hand_over("freeze statement:1:after:drop index concurrently", lambda process: rolls_back(h, card))
        relay.hand_over("")
        h.reads("R-1", "P-1 is rolled back")
        assert h.history() == h.history(h.staging) == [BASE, "20261101130000", "20261101130001"]
        assert h.production_rows("select to_regclass('books_title_idx')") == [(None,)]
        h.write("20261101140000_notes.sql", NOTES.format(more=""))
        h.says(ANA, "/migrate stage")
        h.reads("S-3", "Done · in staging")
        h.write("20261101140000_notes.sql", NOTES.format(more=", said text"))
        relay.hand_over("kill take_back:1:after", lambda process: process.terminate())
        restages = "/migrate restage 20261101140000"
        relay.hand_over("freeze statement:1:after:create table notes", lambda process: h.says(ANA, restages))
        relay.hand_over("")
        h.reads("S-4", "Done · in staging")
        assert h.history(h.staging)[-2:] == ["20261101130001", "20261101140000"]
        h.thread_says("S-4", "is done")
        before = all_is_said(h)
        relay.wakes_up()
        assert messages(h) == before, "who wakes up says nothing"
    with psycopg.connect(h.staging) as staging:
        columns = "select array_agg(attname::text) from pg_attribute where attrelid = 'notes'::regclass and attnum > 0"
        assert staging.execute(columns).fetchall() == [(["id", "said"],)]
    said_once(h, card, "R-1", "S-3", "S-4")
    h.end_bot()
    for record in ("R-1", "S-4"):
        assert [entry.kind for entry in entries(store, record)].count("apply.committed") == 1


def test_a_store_that_is_away_while_a_statement_runs_stops_nothing_and_loses_nothing(
    house_on: Opens, store: str, server: Postgres,
) -> None:
    """It goes before the approval, while production works until that is over, and while production is watched."""
    with Wire(server.port) as wire:
        h = house_on(start=False)
        h.environ(STAGEDOOR_STORE_URL=wire.url(store))
        h.write_policy(UNCHECKED.replace('duration = "1s"', 'duration = "4s"'))
        h.start_bot()
        h.only()
        slow(h, 3)
        card = h.ready_to_approve()
        wire.cut()
        assert not h.presses(BO, card, "Approve").ok, "what could not be stored was said to be taken"
        assert h.history() == [BASE]
        wire.mend()
        h.until(lambda: "store.lock_taken_again" in h.bot_log() or None, "the lock to be taken again")
        h.until(lambda: h.presses(BO, card, "Approve").ok or None, "the approval to be taken")
        h.until(lambda: h.production_rows(RUNNING), "the slow statement")
        wire.cut()
        h.until(lambda: h.history()[-1] == "20261101130000" or None, "production to have it")
        wire.mend()
        h.reads(card, "In production since")
        wire.cut()
        time.sleep(1)
        wire.mend()
        h.reads(card, "Done · in production")
        assert h.production_rows("select last_value from tries") == [(1,)], "it ran once, and was not interrupted"
        assert h.thread_says(card, "is done").count("20261101130000 slow is in production") == 1
        said_once(h, card)
        assert h.end_bot() == 0
    assert [entry.kind for entry in entries(store, card)].count("apply.committed") == 1


def test_a_full_disk_under_the_store_interrupts_nothing_and_nothing_is_taken_that_is_not_kept(house: Opens) -> None:
    """It fills up, log and all, while production works on a statement, and has room again once that is in."""
    h = house(policy=UNCHECKED)
    h.only()
    slow(h, 2)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.until(lambda: h.production_rows(RUNNING), "the slow statement")
    assert h.bot is not None
    _, most = resource.prlimit(h.bot.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(h.bot.pid, resource.RLIMIT_FSIZE, (4096, most))
    refused = h.says(ANA, "/migrate status")
    h.until(lambda: h.history()[-1] == "20261101130000" or None, "production to have it")
    assert "is full; nothing was written" in refused.body or "Nothing was changed" in refused.body, refused
    time.sleep(2)
    assert h.bot.poll() is None
    resource.prlimit(h.bot.pid, resource.RLIMIT_FSIZE, (most, most))
    h.reads(card, "Done · in production")
    assert h.production_rows("select last_value from tries") == [(1,)], "it ran once, and was not interrupted"
    assert h.thread_says(card, "is done").count("20261101130000 slow is in production") == 1
    said_once(h, card)
    h.end_bot()
    kinds = [entry.kind for entry in entries(f"sqlite:///{h.store}", card)]
    assert kinds.count("apply.committed") == 1


def test_a_production_that_crashes_while_files_go_in(house: Opens) -> None:
    """While a statement runs, as COMMIT is sent, and between two files: the server itself, with all of its sessions."""
    h = house(policy=UNCHECKED)
    h.only(FEATURE)
    h.write("20261101130000_once.sql", f"{ONCE} select slow();")
    for address, seconds in ((h.staging, 0), (h.production, 2)):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"create function slow() returns void language sql as 'select pg_sleep({seconds})'")
    card = h.ready_to_approve()
    h.end_bot()
    h._command = COMMAND
    h.environ(**ENVIRONMENT, CRASH_AT="statement:1:before:'commit',statement:2:after:'commit'")
    h.start_bot()
    h.presses(BO, card, "Approve")
    [(pid,)] = h.until(lambda: _asked(h, "select pid from pg_stat_activity where query like '%select slow()%'"
                                         " and state = 'active' and pid <> pg_backend_pid()"), "the slow statement")
    os.kill(pid, signal.SIGKILL)
    h.reads(card, "Done · in production", patience=90)
    assert h.history() == [BASE, FEATURE, "20261101130000"]
    assert h.production_rows("select what from applied_once") == [("first",)]
    thread = h.thread_says(card, "is done")
    for line in (
        "was lost while 20261101120000 add_feature_xyz was committed, and the server rolled it back",
        "20261101130000 once was interrupted: the connection to production was lost. The server rolls it back",
        "20261101120000 add_feature_xyz is in production", "20261101130000 once is in production",
    ):
        assert thread.count(line) == 1, h.slack.transcript()
    said_once(h, card)


def _asked(h: House, query: str) -> list[tuple[Any, ...]]:
    """What production answers, if it does."""
    try:
        return h.production_rows(query)
    except psycopg.OperationalError:
        return []

"""The same stories on either store: a whole promotion, a second process that stands by, a store that goes away."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bot.adapters.system_clock import SystemClock
from bot.domain.entry import audit
from bot.scrub import Scrubber
from bot.stores import store_at
from rehearsal.postgres import Postgres
from tests.stories.house import BO, FEATURE, SUBTITLE, UNCHECKED, House
from tests.stories.test_kills import ONCE, Mortal, promoted
from tests.wire import Wire

pytestmark = pytest.mark.slow  # many whole worlds: .ci/run has the time for them

Opens = Callable[..., House]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, server: Postgres, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/var/stagedoor.db"
    else:
        yield server.create("store")
        server.drop("store")


@pytest.fixture
def on_postgres(server: Postgres) -> Iterator[str]:
    yield server.create("store")
    server.drop("store")


def verified(address: str) -> list[str]:
    """The kinds of all entries of a chain that is whole."""
    with closing(store_at(address).open(SystemClock(), Scrubber())) as journal:
        assert audit(journal.entries(), against=journal.head()).broken_at is None
        return [entry.kind for entry in journal.entries("P-1")]


def test_a_whole_promotion_on_postgres(on_postgres: str, house: Opens) -> None:
    h = house(environment={"STAGEDOOR_STORE_URL": on_postgres})
    card = h.ready_to_approve()
    h.end_bot()
    h.start_bot()
    h.presses(BO, card, "Approve", copies=3)
    assert "Asked by @ana, approved by @bo" in h.reads(card, "Done · in production")
    assert h.history() == ["20261020090000", FEATURE, SUBTITLE]
    assert h.thread_says(card, "is done").count("Verified") == 1
    assert not h.store.exists()
    h.end_bot()
    assert verified(on_postgres).count("apply.committed") == 2
    assert "Traceback" not in h.bot_log()


def test_who_lost_the_store_to_another_stops(on_postgres: str, server: Postgres, house: Opens) -> None:
    with Wire(server.port) as wire, psycopg.connect(on_postgres, autocommit=True) as other:
        h = house(environment={"STAGEDOOR_STORE_URL": wire.url(on_postgres)})
        wire.cut()
        h.until(
            lambda: other.execute("select pg_try_advisory_lock(%s, 2)", [0x53746467]).fetchall()[0][0], "the lock",
        )
        wire.mend()
        assert isinstance(h.bot, subprocess.Popen)
        assert h.bot.wait(20) == 1
        assert "went to another process" in h.bot_log()


def test_a_frozen_process_that_wakes_up_after_another_took_over_changes_nothing_twice(
    on_postgres: str, house: Opens,
) -> None:
    """Its session on production works on, and may still commit; everything that it would journal then is void."""
    h = house(policy=UNCHECKED, environment={"STAGEDOOR_STORE_URL": on_postgres})
    h.only(FEATURE)
    h.write("20261101130000_once.sql", f"{ONCE} select slow();")
    for address, seconds in ((h.staging, 0), (h.production, 6)):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"create function slow() returns void language sql as 'select pg_sleep({seconds})'")
    card = h.ready_to_approve()
    frozen = h.bot
    assert isinstance(frozen, subprocess.Popen)
    h.presses(BO, card, "Approve")
    running = "select query from pg_stat_activity where query like '%slow()%' and pid <> pg_backend_pid()"
    h.until(lambda: h.production_rows(running) or None, "production to be at the slow statement")
    h.bot_port = h.a_port()       # another machine's
    h.start_bot(wait=False)
    h.until(lambda: "standing by" in h.bot_log() or None, "the second to stand by")
    h.slack.bot_url = f"http://127.0.0.1:{h.bot_port}/slack/events"
    frozen.send_signal(signal.SIGSTOP)
    try:
        with psycopg.connect(on_postgres, autocommit=True) as store:    # as a store does that fails over
            store.execute(
                "select pg_terminate_backend(l.pid) from pg_locks l where locktype = 'advisory' and classid = %s",
                [0x53746467],
            )
        h.until(lambda: h.bot_log().count('"event": "ready"') == 2 or None, "the second to serve")
    finally:
        frozen.send_signal(signal.SIGCONT)
    assert frozen.wait(30) == 1, "it serves no longer"
    h.reads(card, "Done · in production", patience=60)
    assert h.production_rows("select what from applied_once") == [("first",)]
    assert h.thread_says(card, "is done").count("20261101130000 once is in production") == 1
    h.end_bot()
    assert verified(on_postgres).count("apply.committed") == 2


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("points", [
    "write:1:after write:2:after write:3:after",
    "receive:1:after receive:2:after", "statement:1:after statement:2:after statement:4:after",
])
def test_killed_at_every_boundary_on_postgres(on_postgres: str, server: Postgres, points: str) -> None:
    mortal = Mortal(points, postgres=server)
    mortal._given["STAGEDOOR_STORE_URL"] = on_postgres
    with mortal as h:
        h.only(FEATURE)
        h.write("20261101130000_once.sql", ONCE)
        promoted(h)
        assert h.lives > 3, "it was to die, and did not"
        assert h.production_rows("select what from applied_once") == [("first",)]
        h.die()
        assert verified(on_postgres).count("apply.committed") == 2

"""From a log drain to the accounts, with the bot as a process: real errors of a real server, and kills in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.system_clock import SystemClock
from bot.domain.project import Environment
from bot.domain.sighting import Fault
from bot.scrub import Scrubber
from rehearsal.supabase import PRODUCTION_REF
from rehearsal.world import DRAIN_SECRET
from tests.sightings.events import postgres
from tests.stories.house import House

pytestmark = pytest.mark.slow  # whole worlds: .ci/run has the time for them

Opens = Callable[..., House]
HEADERS = {"authorization": f"Bearer {DRAIN_SECRET}"}


def faults(h: House) -> dict[str, Fault]:
    with closing(SqliteJournal(Path(h.directory) / "stagedoor.db", SystemClock(), Scrubber())) as journal:
        return {fault.template: fault for fault in journal.faults("default", Environment.PRODUCTION)}


def url(h: House) -> str:
    return f"http://127.0.0.1:{h.bot_port}/hooks/supabase/logs"


@pytest.fixture
def own_server() -> Iterator[House]:
    """A world with a Postgres of its own, whose log is followed."""
    with House(limits="off", supabase=True) as house:
        house.start_bot()
        yield house


def test_what_a_real_server_logs_is_counted_once_by_both_sources(own_server: House) -> None:
    h = own_server
    with psycopg.connect(h.production, autocommit=True) as db:
        for _ in range(3):
            with pytest.raises(psycopg.errors.UndefinedTable):
                db.execute("select * from nosuch where id = 7")
        db.execute("select pg_sleep(1.1)")
    h.until(lambda: len(faults(h)) == 2 or None, "both faults to be counted")
    card = h.until(
        lambda: next((each for each in h.slack.messages("#incidents") if "nosuch" in h.slack.text_of(each)), None),
        "the error to reach #incidents",
    )
    assert 'relation "nosuch" does not exist (42P01)' in h.slack.text_of(card)
    found = faults(h)
    assert found['relation "nosuch" does not exist'].total == 3
    assert found['relation "nosuch" does not exist'].objects == ("nosuch",)
    assert found["select pg_sleep(?)"].severity == "SLOW"
    h.until(lambda: h.supabase.api.asked[PRODUCTION_REF] > 0 or None, "the API to be asked")
    time.sleep(1)
    assert faults(h)['relation "nosuch" does not exist'].total == 3


def test_killed_during_batches_nothing_counts_twice_and_nothing_answered_is_lost(house: Opens) -> None:
    h = house(supabase=True, environment={"SUPABASE_ACCESS_TOKEN": ""})
    answered: set[str] = set()
    sent: set[str] = set()

    def send(number: int) -> None:
        ids = [f"{number}-{n}" for n in range(250)]
        sent.update(ids)
        now = datetime.now(UTC)
        body = json.dumps([postgres("division by zero", now, state="22012", id=id) for id in ids]).encode()
        for _ in range(200):    # again and again, as nobody does, until it is answered
            try:
                if client.post(url(h), content=body).status_code == 202:
                    answered.update(ids)
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)

    with httpx.Client(headers=HEADERS, timeout=10) as client, ThreadPoolExecutor(4) as threads:
        for life in range(2):
            batches = [threads.submit(send, life * 100 + n) for n in range(24)]
            h.until(lambda: len(answered) >= life * 6000 + 1500 or None, "some batches to be answered")  # noqa: B023  (it is over before the next life)
            h.kill_bot()
            before = set(answered)
            assert sum(fault.total for fault in faults(h).values()) >= len(before), "answered, and lost"
            h.start_bot()
            for batch in batches:
                batch.result()
    assert answered == sent
    assert [fault.total for fault in faults(h).values()] == [len(sent)], "something counted twice"

"""Alerts in #incidents, from what really happens in production to the buttons that people press."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import psycopg
import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.project import Environment
from bot.domain.sighting import Batch, Severity, Sighting, Source
from bot.scrub import Scrubber
from rehearsal.slack import Message
from rehearsal.world import DRAIN_SECRET
from tests import cron
from tests.migrations.walking import RealClock
from tests.sightings.events import event, postgres
from tests.stories.house import ANA, BO, ERIN, GIL, POLICY, SAM, House

Opens = Callable[..., House]
QUICK = POLICY.replace('poll = "1s"', 'poll = "200ms"')


def alert(h: House, words: str, patience: float = 30) -> Message:
    """Wait for the one alert that says so."""
    def seen() -> Message | None:
        found = [each for each in h.slack.messages("#incidents") if words in h.slack.text_of(each)]
        assert len(found) <= 1, f"{len(found)} alerts say “{words}”"
        return found[0] if found else None

    return h.until(seen, f"an alert that says “{words}”", patience)


def reads(h: House, message: Message, words: str) -> str:
    """Wait until that very message says so."""
    def seen() -> str | None:
        now = next(each for each in h.slack.messages("#incidents") if each.ts == message.ts)
        text = h.slack.text_of(now)
        return text if words in text else None

    return h.until(seen, f"the alert to say “{words}”")


def thread(h: House, message: Message, words: str) -> str:
    def seen() -> str | None:
        text = "\n".join(h.slack.text_of(each) for each in h.slack.thread(message))
        return text if words in text else None

    return h.until(seen, f"the alert's thread to say “{words}”")


def test_a_change_from_the_dashboard_is_told_with_what_changed_and_the_way_on(house: Opens) -> None:
    h = house(policy=QUICK)
    h.until(lambda: h.shelf("ground"), "the first look")
    h.production_run("alter table public.books add column isbn text")
    card = alert(h, "Production changed without a promotion")
    text = h.slack.text_of(card)
    assert "1 object of its catalog changed; its history does not tell of it." in text
    assert "[Acknowledge]" in text
    assert "[Mute 1 h]" in text
    said = thread(h, card, "+ column public.books.isbn")
    assert "adopt it, with a migration that says the same" in said
    file = h.until(lambda: next(iter(h.slack.files()), None), "the draft")
    assert "ADD COLUMN isbn text" in file.text.replace("add column", "ADD COLUMN")
    before = len(h.slack.thread(card))
    h.slack.press(GIL, card, "Acknowledge")
    h.told(GIL, "full members")
    h.slack.press(ANA, card, "Acknowledge")
    text = reads(h, card, "Acknowledged by @ana")
    assert "[Acknowledge]" not in text
    h.slack.press(SAM, card, "Mute 1 h")
    h.told(SAM, "needs an operator")
    h.slack.press(BO, card, "Mute 1 h")
    text = reads(h, card, "Muted by @bo until")
    assert "[Mute 1 h]" not in text
    assert len(h.slack.thread(card)) == before


def happened(h: House, template: str, times: int, sample: str, mark: int = 0) -> None:
    """The logs told of it while the bot was down: its store is written as the funnel writes it."""
    now = datetime.now(UTC)
    with closing(SqliteJournal(h.store, RealClock(), Scrubber(()))) as store:
        store.fold([Batch(sightings=[Sighting(
            project="default", environment=Environment.PRODUCTION, source=Source.POSTGRES, severity=Severity.FATAL,
            sqlstate="53200", fingerprint="00000000000000ab", template=template, at=now, mark=mark + number,
            role="authenticated", session=f"s{number}", sample=sample,
        ) for number in range(times)])])


def test_a_fault_of_the_logs_is_told_once_with_samples_for_operators_alone(house: Opens) -> None:
    h = house(policy=QUICK + f'[incidents]\non_call = ["{ERIN}"]\n', start=False)
    happened(h, "out of memory", 9, "out of memory for <!channel> Jane Doe")
    h.start_bot()
    card = alert(h, "FATAL in production · 9 times")
    text = h.slack.text_of(card)
    assert "out of memory (53200)" in text
    assert "From Postgres as authenticated, 9 sessions" in text
    assert "@erin A-1, fatal in production" in thread(h, card, "@erin")
    opening = next(each for each in h.slack.thread(card) if "Show sample" in h.slack.text_of(each))
    h.slack.press(SAM, opening, "Show sample")
    h.told(SAM, "needs an operator")
    h.slack.press(BO, opening, "Show sample")
    h.told(BO, "Jane Doe")
    shown = next(each for each in h.slack.ephemerals(BO) if "Jane Doe" in h.slack.text_of(each))
    everywhere = "".join(h.slack.text_of(each) for each in (*h.slack.messages("#incidents"), *h.slack.thread(card)))
    assert "Jane" not in everywhere
    h.slack.press(BO, shown, "Erase samples")
    thread(h, card, "The samples were erased by @bo")
    h.slack.press(BO, opening, "Show sample")
    h.told(BO, "There are no samples of A-1")


def deliver(h: House, events: list[dict[str, Any]]) -> None:
    """Send them as production's log drain does."""
    answer = httpx.post(
        f"http://127.0.0.1:{h.bot_port}/hooks/supabase/logs", content=json.dumps(events).encode(), timeout=10,
        headers={"authorization": f"Bearer {DRAIN_SECRET}"},
    )
    assert answer.json() == {"taken": len(events)}


def _with_cron(h: House) -> None:
    """Production has pg_cron, and a job of it failed a minute ago."""
    admin = h.postgres.url(h.production.rpartition("/")[2], "supabase_admin")
    with psycopg.connect(admin, autocommit=True) as db:
        for statement in (*cron.TABLES, cron.JOB, cron.run("failed", 'ERROR:  relation "gone" does not exist')):
            db.execute(statement.encode())


@pytest.mark.slow
def test_jobs_that_the_bots_user_may_not_see_are_said_to_be_unseen(house: Opens) -> None:
    h = house(policy=QUICK, start=False)
    _with_cron(h)
    h.environ(PRODUCTION_DATABASE_URL=h.postgres.url(h.production.rpartition("/")[2], "authenticator"))
    h.start_bot()
    h.until(lambda: "failed jobs of pg_cron: permission denied for schema cron." in h.ready(), "what is not seen")
    h.says(ANA, "/migrate status")
    said = h.told(ANA, "Not watched in production")
    assert "failed jobs of pg_cron: permission denied for schema cron." in said
    assert "sessions and statements of other users" in said
    assert h.slack.messages("#incidents") == [], "what was not seen is no failed job, and five minutes are not over"


@pytest.mark.slow
def test_logs_that_nobody_hears_are_one_calm_notice_that_ends_when_they_are_heard(house: Opens) -> None:
    h = house(policy=QUICK, supabase=True, start=False)
    h.supabase.api.down = 402
    h.start_bot()
    blind = alert(h, "Part of production is not watched")
    assert "the logs: The project's allowance for log queries is used up" in h.slack.text_of(blind)
    deliver(h, [event("x", datetime.now(UTC), request={"path": "/rest/v1/books"}, response={"status_code": 200})])
    h.until(lambda: "the log drain's losses" in h.ready(), "the drain to be heard")
    reads(h, blind, "Over since")
    assert "A-1 is over: all of it is watched again." in thread(h, blind, "is over")
    assert "<@" not in h.slack.text_of(blind), "it calls nobody"
    assert len(h.slack.messages("#incidents")) == 1


def test_a_failing_service_a_failed_job_a_storm_and_what_nobody_sees(house: Opens) -> None:
    h = house(policy=QUICK, supabase=True, start=False)
    h.supabase.api.down = 402
    _with_cron(h)
    h.start_bot()
    card = alert(h, "A scheduled job fails in production")
    assert 'tidy: relation "gone" does not exist' in h.slack.text_of(card)
    h.until(lambda: "Not watched in default production: the logs: The project's allowance" in h.ready(), "the refusal")
    h.says(ANA, "/migrate status")
    h.told(ANA, "Not watched in production\nthe logs: The project's allowance for log queries is used up")

    request = {"method": "GET", "path": "/rest/v1/books"}
    events = [
        event("x", datetime.now(UTC), request=request, response={"status_code": 503 if n < 30 else 200})
        for n in range(100)
    ]
    deliver(h, events)
    text = h.slack.text_of(alert(h, "Requests to PostgREST fail in production"))
    assert "30 of 100 requests within 5 min were answered 5xx (30 %)" in text
    assert "30 times: GET /rest/v1/books answered 503" in text

    names = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)][:500]
    deliver(h, [postgres(f'relation "{name}" does not exist', datetime.now(UTC)) for name in names])
    storm = h.slack.text_of(alert(h, "500 new errors in production"))
    assert storm.count("once: relation") == 10
    assert "and 490 more" in storm
    assert len([each for each in h.slack.messages("#incidents") if "relation" in h.slack.text_of(each)]) == 2, (
        "the job's, and one message instead of 500"
    )


@pytest.mark.slow
def test_killed_and_started_again_and_again_it_is_told_called_and_paged_once(house: Opens) -> None:
    paged: list[dict[str, Any]] = []

    class Duty(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paged.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Duty)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    h = house(policy=QUICK + f'[incidents]\non_call = ["{ERIN}"]\n', start=False)
    h.environ(PAGER_URL=f"http://127.0.0.1:{server.server_port}/v2/enqueue", PAGER_KEY="routing-key-of-a-test")
    happened(h, "out of memory", 3, "")
    for life in (0.6, 0.9, 1.1, 1.3, 1.5, 1.8, 2.2):
        h.start_bot(wait=False)
        time.sleep(life)
        h.kill_bot()
    h.start_bot()
    card = alert(h, "FATAL in production")
    reads(h, card, "Paged")
    said = thread(h, card, "@erin A-1")
    assert said.count("@erin") == 1
    assert len({each["dedup_key"] for each in paged if each["event_action"] == "trigger"}) == 1
    assert len([each for each in h.slack.messages("#incidents") if "FATAL" in h.slack.text_of(each)]) == 1
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_an_error_since_a_promotion_is_an_alert_at_once_and_its_watchs_alarm(house: Opens) -> None:
    h = house(
        policy=QUICK.replace('duration = "1s"', 'duration = "20m"'), supabase=True,
        environment={"SUPABASE_ACCESS_TOKEN": ""},
    )
    h.only("20261101121500")
    promotion = h.ready_to_approve()
    h.presses(BO, promotion, "Approve")
    h.reads(promotion, "In production since")
    failing = postgres('column "subtitle" does not exist', datetime.now(UTC), state="42703", user_name="authenticated")
    begun = time.monotonic()
    deliver(h, [failing])
    card = alert(h, "New error since P-1")
    print(f"first alert in Slack after {time.monotonic() - begun:.2f} s")
    text = h.slack.text_of(card)
    assert "Likely cause: promotion P-1: it names public.books.subtitle, which P-1 changed" in text
    for words in ("Acknowledge", "Roll back", "Open incident", "Mute 1 h"):
        assert f"[{words}]" in text
    h.reads(promotion, "New errors since this promotion")
    h.thread_says(promotion, "@bo since P-1: New error: column")
    assert len(h.slack.messages("#incidents")) == 1
    h.slack.press(BO, card, "Roll back")
    assert h.until(lambda: h.slack.modal(BO), "the rollback's window")
    h.slack.press(ANA, card, "Open incident")
    assert h.until(lambda: h.slack.modal(ANA), "the incident's window")

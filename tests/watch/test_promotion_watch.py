"""The watch of a promotion: what it looks at, what it says it did not see, and its alarm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.answers import Service
from bot.domain.project import Environment
from bot.domain.sighting import Asked, Batch, Reach, Severity, Sighting, Source
from bot.domain.visit import Visit
from bot.migrations.vitals import PostgresVitals
from bot.policy import parse_policy
from bot.scrub import Scrubber
from bot.watch.watcher import Watcher
from handlers.migrations.promotion_view import PromotionView
from rehearsal.postgres import Postgres
from tests.migrations.walking import ANA, BO, POLICY, Walk, approved
from tests.postgres import Fresh, fresh_database
from tests.watching import Clock

WATCH = '[watch]\nfirst_look = "5m"\nduration = "30m"\nhealth = ["http://shop.example/healthz"]\n'
PAGES = '[frontend]\nproduction = ["http://shop.example/"]\n'
BASE = "create table public.books (id int primary key, title text, shelf int);" \
       "insert into public.books select n, 'x', n from generate_series(1, 50) n;"


class Health:
    """A health address that answers as it is told."""

    wrong = ""

    def check(self, url: str) -> str | None:
        return self.wrong or None


class Pages:
    """A page that loads as it is told; the real visitor has tests of its own."""

    trouble = ""

    def visit(self, url: str) -> Visit:
        return Visit(url=url, trouble=self.trouble, seconds=0.2, browser=True, picture=b"\x89PNG\r\n")


class Watched:
    """A promotion that is in, and what can happen to it."""

    def __init__(self, walk: Walk, production: Fresh, policy: str) -> None:
        self.walk, self.production, self.clock = walk, production, Clock()
        self.health, self.pages = Health(), Pages()
        project = walk.ports.projects["shop"]
        project = replace(
            project, policy=parse_policy(POLICY + policy),
            vitals=PostgresVitals(production.url, "production", self.clock),
        )
        walk.ports = replace(
            walk.ports, projects={"shop": project}, clock=self.clock, health=self.health, pages=self.pages,
            tallies=walk.journal,
        )

    def on(self) -> str:
        return self.walk.on().stage

    def later(self, minutes: float) -> None:
        self.clock.forward(minutes=minutes)
        self.on()

    def logs_up_to(self, minutes: float = 0) -> None:
        moment = self.clock.now() + timedelta(minutes=minutes)
        self.walk.journal.fold([Batch(reached=[Reach(
            project="shop", environment=Environment.PRODUCTION, channel="drain", up_to=moment, heard=moment,
        )])])

    def error(self, template: str, **more: Any) -> None:
        self.walk.journal.fold([Batch(sightings=[Sighting(**{
            "project": "shop", "environment": Environment.PRODUCTION, "source": Source.POSTGRES,
            "severity": Severity.ERROR, "sqlstate": "42703", "fingerprint": "ab", "template": template,
            "at": self.clock.now(), "mark": 7, "role": "authenticated", **more,
        })])])

    @property
    def card(self) -> str:
        record = self.walk.journal.load(self.walk.record)
        assert record
        return PromotionView(self.walk.ports, Scrubber(())).card(record).text

    @property
    def lines(self) -> list[str]:
        record = self.walk.journal.load(self.walk.record)
        assert record
        view = PromotionView(self.walk.ports, Scrubber(()))
        drawn = [view.line(record, entry) for entry in self.walk.entries]
        return [line.message.text for line in drawn if line]

    @property
    def alerts(self) -> list[str]:
        return [record.id for record in self.walk.journal.find(kind="alert")]


Opens = Callable[..., Any]


@pytest.fixture
def watched(server: Postgres, tmp_path: Path) -> Opens:
    @contextmanager
    def opened(policy: str = WATCH, logs: bool = True, more: str = "") -> Iterator[Watched]:
        with fresh_database(server) as staging, fresh_database(server) as production:
            for each in (staging, production):
                each.run(BASE, "alter table public.books enable row level security",
                         "create policy readers on public.books for select to authenticated using (true)")
            folder = tmp_path / "migrations"
            folder.mkdir()
            file = f"alter table public.books add column isbn text;\n{more}"
            (folder / "20261101120000_isbn.sql").write_text(file)
            with approved(tmp_path, folder, staging.url, production.url) as walk:
                made = Watched(walk, production, policy)
                if logs:
                    made.logs_up_to()
                assert made.on() == "watch"
                yield made

    return opened


def test_a_quiet_watch_says_what_was_looked_at(watched: Opens) -> None:
    with watched(WATCH + PAGES) as w:
        assert "The first verdict comes after 5 min" in w.lines[-1]
        assert "the logs, the database's own counters, 1 health address, 1 page" in w.lines[-1]
        assert "watching for 30 min, until" in w.card
        assert "up to 30 min left, first verdict at" in w.card
        assert "nothing new so far" in w.card
        w.later(2)
        before = w.lines
        assert not [entry for entry in w.walk.entries if entry.kind == "watch.looked"]
        w.later(4)
        assert w.lines[len(before):][-1].startswith("First look. Nothing new: no new errors in the logs")
        assert "up to 25 min left · nothing new so far" in w.card
        w.later(25)
        assert w.walk.on().stage == "watch"           # the logs of that time have not arrived
        assert "; the logs of that time are awaited until" in w.card
        w.logs_up_to()
        w.later(1)
        card = w.card
        assert "Done" in card
        for seen in (
            "no new errors in the logs", "no slow statements", "nobody blocked", "1 connection",
            "1 touched table with rows, keys and policies as they were", "1 health address answered",
            "http://shop.example/ loaded in 0.2 s",
        ):
            assert seen in card
        assert "Not seen" not in card
        assert w.alerts == []


@pytest.mark.slow
def test_what_cannot_be_seen_is_said_to_be_unseen(watched: Opens) -> None:
    with watched("[watch]\nfirst_look = \"1m\"\nduration = \"2m\"\n", logs=False) as w:
        assert "The logs are not seen" in w.lines[-1]
        w.later(1.5)
        assert "Not seen: the logs, since neither a log drain nor the Management API brings them" in w.card
        w.later(1)
        assert "health addresses: the policy names none" in w.card


@pytest.mark.slow
def test_logs_that_never_arrive_end_the_watch_and_are_named(watched: Opens) -> None:
    with watched() as w:
        w.later(31)
        w.later(12)
        assert "Done" in w.card
        assert "Not seen: " in w.card
        assert "which had not arrived" in w.card


def test_a_new_error_is_an_alarm_linked_to_its_one_alert(watched: Opens) -> None:
    with watched() as w:
        w.clock.forward(minutes=1)
        w.error('column "…" does not exist', objects=("isbn",))
        Watcher(w.walk.ports).logs()
        assert w.alerts == ["A-1"]
        w.on()
        assert w.alerts == ["A-1"]
        assert w.card.startswith("New errors since this promotion")
        assert "alert A-1 in the incidents channel" in w.card
        assert w.lines[-1].startswith(f"<@{ANA}> <@{BO}> since P-1: New error: column ")
        w.later(1)
        assert len([line for line in w.lines if line.startswith(f"<@{ANA}>")]) == 1


def test_a_scanner_and_a_typo_are_no_alarm_and_a_failing_service_is_one_whoever_asked_it(watched: Opens) -> None:
    with watched() as w:
        w.clock.forward(minutes=1)
        scan = {"sqlstate": "28P01", "severity": Severity.FATAL, "role": "postgres", "fingerprint": "cd", "mark": 1}
        typo = {"role": "postgres", "objects": ("nmae",)}
        w.error('password authentication failed for user "…"', **scan)
        w.error('column "nmae" does not exist', mark=2, **typo)
        w.later(1)
        assert w.alerts == []
        assert "nothing new so far" in w.card
        w.error('relation "gone" does not exist', fingerprint="ef", mark=9)
        w.on()
        assert "nothing new so far" in w.card, "its own alert is about to be raised, and the next look links to it"
        for mark in (3, 4):
            w.error('column "nmae" does not exist', mark=mark, **typo)
        w.on()
        assert w.card.startswith("New errors since this promotion"), "whoever it is, it goes on"
        failing = {"source": Source.EDGE, "severity": Severity.HTTP_5XX, "sqlstate": "", "role": "", "fingerprint": "5"}
        for mark in range(100, 131):
            w.error("GET /rest/v1/books answered 503", mark=mark, **failing)
        minute = int(w.clock.now().timestamp()) // 60
        asked = Asked("shop", Environment.PRODUCTION, Service.POSTGREST, Source.EDGE, minute, 60)
        w.walk.journal.fold([Batch(asked=[asked])])
        Watcher(w.walk.ports).logs()
        w.on()
        assert "Requests to PostgREST fail in production: 31 of 60 requests" in "\n".join(w.lines)


HARMS = (
    ("delete from public.books where id between 4 and 20", "has lost 17 of the 20 rows that were checked"),
    ("delete from public.books where id > 3", "has 3 rows, 50 when the watch began"),
    ("drop policy readers on public.books", "public.books lost the policy readers"),
    ("alter table public.books disable row level security", "row level security of public.books was switched off"),
    ("drop table public.books", "public.books is gone"),
)


def test_spot_checks_of_the_touched_tables(watched: Opens) -> None:
    with watched() as w:
        for harm, said in HARMS:
            w.production.run(harm)
            w.later(1)
            assert said in w.lines[-1]
        assert w.card.startswith("Trouble since this promotion")
        assert w.alerts == ["A-1"]


@pytest.mark.slow
def test_a_statement_that_is_slow_since_then_is_seen(watched: Opens) -> None:
    with watched(WATCH + "slow_query_ms = 100\n") as w:
        w.production.run("select pg_sleep(0.15)")
        w.later(1)
        assert "Slow query in production: select pg_sleep(?)" in w.lines[-1]
        assert "not seen before" in w.lines[-1]


@pytest.mark.slow
def test_the_slow_statement_of_the_migration_itself_is_no_alarm(watched: Opens) -> None:
    with watched(WATCH + "slow_query_ms = 100\n", more="select pg_sleep(0.15);\n") as w:
        w.later(6)
        assert "no slow statements" in w.lines[-1]
        w.production.run("select pg_sleep(0.15)")       # the app runs it too
        w.later(1)
        assert "Slow query in production: select pg_sleep(?)" in w.lines[-1]
        assert "on average over 1 call, not seen before; slow from 100 ms on)" in w.lines[-1]
        assert w.alerts == ["A-1"]


@pytest.mark.slow
def test_a_health_address_and_a_page_that_fail_are_one_alarm(watched: Opens) -> None:
    with watched(WATCH + PAGES) as w:
        w.health.wrong, w.pages.trouble = "answered 500", "it answered 500"
        w.later(6)
        w.later(1)
        said = w.lines[-1]
        assert "http://shop.example/healthz answered 500" in said
        assert "http://shop.example/ did not load: it answered 500" in said
        assert w.alerts == ["A-1"]


@pytest.mark.slow
def test_a_session_that_blocks_others_is_seen(watched: Opens) -> None:
    with watched(WATCH + 'blocked = "1s"\n') as w, w.production.connect() as holder, w.production.connect() as waiter:
        holder.execute("begin; lock table public.books")
        w.production.run("select 1")
        waiter.execute("set lock_timeout to '20s'")
        blocked = threading.Thread(target=lambda: waiter.execute("select count(*) from public.books"))
        blocked.start()
        time.sleep(1.3)
        w.later(0.1)
        assert "Sessions are blocked in production" in w.card
        holder.execute("rollback")
        blocked.join()


"""SIGKILL at every boundary: once in the database, told once in Slack, nothing acknowledged forgotten."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.system_clock import SystemClock
from bot.domain.entry import Entry, audit
from bot.scrub import Scrubber
from rehearsal.postgres import Postgres
from tests.pooler import pgbouncer, pooled
from tests.stories.house import ANA, BO, FEATURE, TICKS, UNCHECKED, House

ONCE = """
create table if not exists applied_once (what text);
insert into applied_once values ('first');
"""
ROOT = Path(__file__).parents[2]


class Mortal(House):
    """A house whose bot dies in each life at the next of some points, and is started again whenever it is dead.

    The points of successive lives differ, as do those of real deaths: a process that always died at its first
    write, which is the note of the session that applies, could never apply anything. After every round through
    the points lives last longer (twice, three times the count), for a stage such as the proof of a way back
    starts again in each life and takes more statements than the first deaths allow.
    """

    def __init__(self, points: str, postgres: Postgres, start: bool = True) -> None:
        self.run, self.promotion = "S-1", "P-1"     # no life that ended passed a number over
        super().__init__(
            command=[sys.executable, "-m", "tests.stories.killing", "serve"],
            environment={"PYTHONPATH": str(ROOT)}, limits="off", postgres=postgres,
        )
        self.lives = 0
        self._start = start
        self._points = points.split()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        super().__enter__()
        self.write_policy(UNCHECKED)
        if self._start:
            self.begin()
        return self

    def begin(self) -> None:
        """Live, and die, and live again."""
        self._keeper.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._keeper.join()
        super().__exit__(kind, error, trace)

    def die(self) -> None:
        """For good."""
        self._over.set()
        self._keeper.join()
        self.kill_bot()

    def left(self) -> list[Entry]:
        """The whole journal, whose chain holds, after the last of its lives."""
        self.die()
        with closing(SqliteJournal(self.store, SystemClock(), Scrubber(()))) as journal:
            entries = list(journal.entries())
        assert audit(entries).broken_at is None
        return entries

    def _keep(self) -> None:
        while not self._over.wait(0.02):
            if self.bot is None or self.bot.poll() is not None:
                rounds, turn = divmod(self.lives, len(self._points))
                what, count, when = self._points[turn].split(":")
                self._given["KILL_AT"] = f"{what}:{int(count) * (rounds + 1)}:{when}"
                self.lives += 1
                self.start_bot(wait=False)

    def insists(self, act: Callable[[], object], seen: Callable[[], object], what: str) -> None:
        """Do it again, as people do, only when Slack said that it failed; then wait for its effect."""
        while True:
            delivered = act()
            if getattr(delivered, "ok", True) or seen():
                break
            time.sleep(0.3)
        self.until(lambda: self._tried(seen), what, patience=90)

    @staticmethod
    def _tried(seen: Callable[[], object]) -> object:
        try:
            return seen()
        except (LookupError, AssertionError):
            return None

    def says_of(self, record: str, words: str) -> bool:
        try:
            return words in self.slack.text_of(self.card(record))
        except LookupError:
            return False


def promoted(h: Mortal) -> None:
    """The whole way, by people who press again only when Slack tells them that it failed."""
    h.insists(lambda: h.says(ANA, "/migrate stage"), lambda: h.says_of(h.run, "Done · in staging"), "staging")
    h.insists(
        lambda: h.says(ANA, "/migrate promote"), lambda: h.says_of(h.promotion, "Waiting for approval"), "the request",
    )
    for label in TICKS:
        h.insists(
            partial(h.presses, ANA, h.promotion, "Confirm", near=label),
            partial(h.says_of, h.promotion, f"✓ {label}"), label,
        )
    h.insists(
        lambda: h.presses(BO, h.promotion, "Approve"),
        lambda: not h.says_of(h.promotion, "[Approve]"), "the approval",
    )
    h.until(lambda: h.says_of(h.promotion, "Done · in production") or None, "the end", patience=120)
    h.until(lambda: "is done" in h.thread(h.promotion) or None, "the last word", patience=60)


def check_once(h: Mortal) -> None:
    """What must hold however often it died."""
    assert h.history() == h.history(h.staging) == ["20261020090000", FEATURE, "20261101130000"]
    assert h.production_rows("select what from applied_once") == [("first",)]
    for record in (h.run, h.promotion):
        lines = [line for line in h.thread(record).splitlines() if line.strip()]
        doubled = [line for line, count in Counter(lines).items() if count > 1]
        assert not doubled, f"told twice: {doubled}\n{h.slack.transcript()}"
    thread = h.thread(h.promotion)
    for step in ("Gates:", "waits for approval", "Approved by @bo", "Verified", "Watching", f"{h.promotion} is done"):
        assert thread.count(step) == 1, f"{step}\n{h.slack.transcript()}"
    assert sum(e.about == h.promotion and e.kind == "apply.committed" for e in h.left()) == 2


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("points", [
    "write:1:after write:2:after write:3:after",
    "write:2:before write:3:before write:4:before",
    "post:1:after post:2:before",
    "receive:1:after receive:2:after",
    "work:1:before work:4:before",
    "work:1:after work:4:after",
    "statement:1:after statement:2:after statement:4:after statement:9:after",
    "statement:3:before statement:8:before statement:15:before",
])
def test_killed_at_every_boundary(server: Postgres, points: str) -> None:
    with Mortal(points, postgres=server) as h:
        h.only(FEATURE)
        h.write("20261101130000_once.sql", ONCE)
        promoted(h)
        assert h.lives >= 3, "it was to die, and did not"
        check_once(h)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("points", [
    "write:1:after write:2:after write:3:after",
    "statement:1:after statement:2:after statement:4:after statement:9:after",
])
def test_killed_at_every_boundary_through_a_session_mode_pooler(server: Postgres, points: str) -> None:
    require_pgbouncer()
    with Mortal(points, postgres=server, start=False) as h:
        through_a_pooler(h)
        h.begin()
        h.only(FEATURE)
        h.write("20261101130000_once.sql", ONCE)
        promoted(h)
        check_once(h)


@pytest.mark.slow
def test_killed_during_a_slow_statement_through_a_session_mode_pooler(house: Callable[..., House]) -> None:
    require_pgbouncer()
    h = house(start=False, policy=UNCHECKED)
    through_a_pooler(h)
    h.start_bot()
    killed_in_a_slow_statement(h, 1.0)


def through_a_pooler(h: House) -> None:
    """Give the bot its databases through PgBouncer in session mode, which drops start-up options."""
    for variable, address in (("STAGING_DATABASE_URL", h.staging), ("PRODUCTION_DATABASE_URL", h.production)):
        database = address.rpartition("/")[2]
        h._given[variable] = h._stack.enter_context(pooled(h.postgres, database))


def require_pgbouncer() -> None:
    if pgbouncer() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("pgbouncer is missing: install the Debian package of that name")
        pytest.skip("pgbouncer is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.3, 1.5, 2.9])
def test_killed_during_a_slow_statement(house: Callable[..., House], moment: float) -> None:
    killed_in_a_slow_statement(house(policy=UNCHECKED), moment)


def killed_in_a_slow_statement(h: House, moment: float) -> None:
    h.only(FEATURE)
    h.write("20261101130000_slow.sql", ONCE + "select pg_sleep(3);\ninsert into applied_once values ('second');\n")
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.until(lambda: h.production_rows(
        "select 1 from pg_stat_activity where query like '%%pg_sleep(3)%%' and state = 'active'"
        " and pid <> pg_backend_pid() and now() - query_start > make_interval(secs => %s)", moment,
    ), "the slow statement")
    h.kill_bot()
    h.start_bot()
    h.reads(card, "Done · in production", patience=60)
    assert h.production_rows("select what from applied_once order by 1") == [("first",), ("second",)]
    assert h.history()[-1] == "20261101130000"
    assert h.thread_says(card, "is done").count("20261101130000 slow is in production") == 1


BUILD = "create index concurrently books_title_idx on books (title);\n"


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("points", [
    "word:15:after word:22:before word:27:after word:33:before word:38:after word:44:before",
    "write:2:after write:3:after write:4:before",
])
def test_killed_at_every_boundary_of_a_concurrent_build(server: Postgres, points: str) -> None:
    with Mortal(points, postgres=server) as h:
        h.only(FEATURE)
        h.write("20261101130000_title_index.sql", BUILD)
        promoted(h)
        assert h.lives >= 3, "it was to die, and did not"
        for address in (h.staging, h.production):
            assert h.history(address) == ["20261020090000", FEATURE, "20261101130000"]
        assert h.production_rows(INDEXES) == [("books_title_idx", True)]
        thread = h.thread(h.promotion)
        assert thread.count("20261101130000 title_index is in production") == 1


INDEXES = (
    "select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 'books'::regclass"
    " and indexrelid::regclass::text like '%%title%%'"
)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.1, 1.8])
def test_killed_while_an_index_is_built(house: Callable[..., House], moment: float) -> None:
    """The build waits for an old transaction; the process dies, the transaction ends so long after that."""
    h = house(policy=UNCHECKED)
    h.only(FEATURE)
    h.write("20261101130000_title_index.sql", BUILD)
    card = h.ready_to_approve()
    with psycopg.connect(h.production) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select count(*) from books")
        h.presses(BO, card, "Approve")
        h.until(lambda: h.production_rows(
            "select 1 from pg_stat_progress_create_index where phase = 'waiting for old snapshots'"
        ), "the build")
        h.kill_bot()
        h.start_bot(wait=False)
        time.sleep(moment)
    text = h.reads(card, "Done · in production", patience=60)
    assert "✗" not in text
    assert h.production_rows(INDEXES) == [("books_title_idx", True)]
    assert h.history()[-1] == "20261101130000"
    assert h.thread_says(card, "is done").count("20261101130000 title_index is in production") == 1

"""Where logs come from by the settings, and what is said of the time when nobody listened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.project import Environment
from bot.domain.sighting import Batch, Reach
from bot.listening import Listening
from bot.scrub import Scrubber
from bot.settings import Settings
from templates.notice import logs_unseen
from tests.clocks import SetClock

PRODUCTION, STAGING = Environment.PRODUCTION, Environment.STAGING
REF, OTHER = "productionproduction", "stagingstagingstagin"
BASE = {
    "SLACK_BOT_TOKEN": "xoxb-1234567890-abc", "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
    "STAGING_DATABASE_URL": "postgresql://postgres:a@staging.example:5432/postgres",
    "PRODUCTION_DATABASE_URL": "postgresql://postgres:a@production.example:5432/postgres",
    "STAGEDOOR_STORE_URL": "sqlite:////tmp/unused.db", "STAGEDOOR_EPHEMERAL_OK": "1",
}
Listens = Callable[..., Listening]


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def journal(tmp_path: Path, clock: SetClock) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "store.db", clock, Scrubber())
    yield journal
    journal.close()


@pytest.fixture
def listens(journal: SqliteJournal, clock: SetClock) -> Iterator[Listens]:
    made: list[Listening] = []

    def listening(**environ: str) -> Listening:
        settings = Settings.load({**BASE, **environ}, None)
        made.append(Listening(settings, journal, clock, lambda folded: None))
        return made[-1]

    yield listening
    for each in made:
        each.stop()


def test_nothing_is_set_up_by_default(listens: Listens) -> None:
    listening = listens()
    assert (listening.drains, listening.rounds.pollers, listening.sole) == ({}, {}, "default")


def test_one_secret_opens_both_environments_until_staging_has_its_own(listens: Listens) -> None:
    def secrets(listening: Listening) -> dict[Environment, bytes]:
        return {environment: secret for (_, environment), (_, secret) in listening.drains.items()}

    assert secrets(listens(SUPABASE_DRAIN_SECRET="a")) == {PRODUCTION: b"a", STAGING: b"a"}
    both = listens(SUPABASE_DRAIN_SECRET="a", SUPABASE_STAGING_DRAIN_SECRET="b")
    assert secrets(both) == {PRODUCTION: b"a", STAGING: b"b"}
    assert secrets(listens(SUPABASE_STAGING_DRAIN_SECRET="b")) == {STAGING: b"b"}


def test_polled_is_what_has_a_ref_and_a_token(listens: Listens) -> None:
    assert listens(PRODUCTION_PROJECT_REF=REF).rounds.pollers == {}
    polled = listens(PRODUCTION_PROJECT_REF=REF, SUPABASE_ACCESS_TOKEN="sbp_x", SUPABASE_DRAIN_SECRET="a",
                     STAGING_PROJECT_REF=OTHER)
    assert set(polled.rounds.pollers) == {("default", PRODUCTION), ("default", STAGING)}
    drain, _ = polled.drains["default", PRODUCTION]
    assert drain.elsewhere == {OTHER: "default staging"}


def test_what_a_drain_sent_while_nobody_ran_is_told_once(
    listens: Listens, journal: SqliteJournal, clock: SetClock,
) -> None:
    listens(SUPABASE_DRAIN_SECRET="a").begin()
    now = clock.now()
    journal.fold([Batch(reached=[
        Reach(project="default", environment=PRODUCTION, channel="drain", up_to=now, heard=now),
    ])])
    clock.forward(seconds=30)
    listens(SUPABASE_DRAIN_SECRET="a").begin()
    assert journal.find(kind="notice") == [], "a restart is no gap"
    begun = clock.now()
    clock.forward(hours=2)
    for _ in range(2):
        listening = listens(SUPABASE_DRAIN_SECRET="a")
        listening.begin()
        listening.alive()
    [notice] = journal.find(kind="notice")
    [entry] = journal.entries(about=notice.id)
    assert (entry.kind, entry.data["begin"], entry.data["end"]) == (
        "logs.gap", begun.isoformat(), (begun + timedelta(hours=2)).isoformat(),
    )
    text = logs_unseen(notice.id, "default", {key: str(value) for key, value in entry.data.items()}).text
    assert "Logs of default production were not seen" in text
    assert "a log drain does not send again" in text

"""What was read of GitHub for a plan counts on while GitHub is down: for that plan and place, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.adapters.github import GitHub
from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.source import Source
from bot.errors import Unreachable
from bot.evidence import reviewing
from bot.migrations.remote import RemoteMigrations
from bot.policy import parse_policy
from bot.scrub import Scrubber
from bot.world import Project
from rehearsal.github import TOKEN
from rehearsal.github import GitHub as StandIn
from tests.clocks import SetClock

FOLDER, VERSION = "supabase/migrations", "20261101121500"


@pytest.fixture
def hub() -> Iterator[StandIn]:
    hub = StandIn()
    hub.commit({f"{FOLDER}/20261101120000_a.sql": "select 1;\n"})
    hub.open_pull(48, {f"{FOLDER}/{VERSION}_b.sql": "select 2;\n"}, author="ana-dev")
    hub.start()
    yield hub
    hub.stop()


def test_it_counts_for_that_plan_and_until_it_is_too_old(hub: StandIn, tmp_path: Path) -> None:
    clock = SetClock()
    with closing(GitHub(hub.api_url, TOKEN, "acme/shop", clock)) as host, closing(
        SqliteJournal(tmp_path / "journal.db", clock, Scrubber(()))
    ) as journal:
        shop = Project(
            name="shop", migrations=RemoteMigrations(host, FOLDER), databases=cast(Any, {}), host=host,
            directory=FOLDER, reviewed=True, policy=parse_policy('[gates]\nevidence_expires = "1d"\n', "x"),
        )

        def plan(pull: int) -> Plan:
            file = PlannedFile(version=VERSION, name="b", filename=f"{VERSION}_b.sql", sha256="x", statements=1)
            source = Source(repository="acme/shop", commit=hub.head(), branch="main", pull=pull)
            return Plan(
                project="shop", environment=Environment.PRODUCTION, head=None, files=(file,), source=source,
            )

        read = reviewing.reviews(plan(48), shop, journal, clock.now())
        assert read is not None
        assert (read.authors, read.as_of) == (("ana-dev",), None)
        folder, _ = reviewing.files(plan(48), shop, journal, clock.now())
        assert VERSION in {file.version for file in folder.migrations}
        then = clock.now()
        hub.down(502)
        clock.forward(minutes=5)
        held = reviewing.reviews(plan(48), shop, journal, clock.now())
        assert held is not None
        assert (held.authors, held.as_of) == (("ana-dev",), then)
        assert reviewing.files(plan(48), shop, journal, clock.now())[1] == then
        for ask in (reviewing.reviews, reviewing.files):
            with pytest.raises(Unreachable):        # the branch was never read, though its bytes would be the same
                ask(plan(0), shop, journal, clock.now())
            with pytest.raises(Unreachable):
                ask(plan(48), shop, journal, then + timedelta(days=1, seconds=1))

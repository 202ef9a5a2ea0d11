"""The way back from each kind of change: drafted from the live catalog, tried, and judged honestly."""

from __future__ import annotations

from contextlib import closing, suppress

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.domain.catalog import Snapshot
from bot.domain.way_back import Change, Schema, WayBack
from bot.migrations.catalog.reading import snapshot
from bot.migrations.catalog.trial import Trial
from bot.migrations.session import Session
from rehearsal.postgres import Postgres
from tests.migrations.kinds import BOOKS, KINDS, Kind
from tests.postgres import Fresh, fresh_database

LIMITS = {"lock_timeout": 2.0, "statement_timeout": 20.0}


def seen(fresh: Fresh) -> Snapshot:
    with fresh.connect() as connection:
        return snapshot(connection)


def tried(fresh: Fresh, up: str, before: Snapshot, down: str | None = None) -> WayBack:
    change = Change(
        version="1", label="1 it", up=(up.encode(),), down=None if down is None else (down.encode(),), before=before,
    )
    with closing(Session.opened(fresh.url, "staging", "stagedoor:proof")) as session:
        [way] = Trial(session, LIMITS).run([change])
    return way


TOGETHER = [kind for kind in KINDS if kind.before == BOOKS and kind.schema is not Schema.UNKNOWN]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(TOGETHER), min_size=2, max_size=6, unique=True))
def test_several_changes_in_one_file(server: Postgres, kinds: list[Kind]) -> None:
    with fresh_database(server) as fresh:
        fresh.run(BOOKS)
        before = seen(fresh)
        done: list[str] = []
        for kind in kinds:
            with suppress(psycopg.Error):  # two changes may exclude each other
                fresh.run(kind.up)
                done.append(kind.up)
        after = seen(fresh)
        way = tried(fresh, "; ".join(done) or "select 1", before)
        # Rows stay when a file is taken back, and a unique index of the same file refuses them the second time.
        assume(not any("duplicate key" in said for said in way.said))
        assert way.proven, (done, way.said, way.down)
        assert seen(fresh).objects == after.objects
        fresh.run(way.down or "select 1")
        assert seen(fresh).objects == before.objects


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_draft_from_the_live_catalog(fresh: Fresh, kind: Kind) -> None:
    fresh.run(kind.before)
    before = seen(fresh)
    fresh.run(kind.up)
    after = seen(fresh)
    way = tried(fresh, kind.up, before)
    assert way.schema is kind.schema, (way.said, way.down)
    assert kind.lost in " ".join(way.lost), way
    assert bool(kind.lost) == bool(way.lost), way
    assert kind.given_up in " ".join(way.given_up), way
    assert way.stays == kind.stays
    assert kind.says in " ".join(way.said), way
    assert seen(fresh).objects == after.objects, "the trial left something behind"
    if way.schema is Schema.EXACT:
        fresh.run(way.down)  # what was proven is what the text does
        assert seen(fresh).objects == before.objects, way.down

"""The way back from each kind of change: drafted from the live catalog, tried, and judged honestly."""

from __future__ import annotations

from contextlib import closing

import pytest

from bot.domain.catalog import Snapshot
from bot.domain.way_back import Change, Schema, WayBack
from bot.migrations.catalog.reading import snapshot
from bot.migrations.catalog.trial import Trial
from bot.migrations.session import Session
from tests.migrations.kinds import KINDS, Kind
from tests.postgres import Fresh

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
    assert kind.says in " ".join(way.said), way
    assert seen(fresh).objects == after.objects, "the trial left something behind"
    if way.schema is Schema.EXACT:
        fresh.run(way.down)  # what was proven is what the text does
        assert seen(fresh).objects == before.objects, way.down

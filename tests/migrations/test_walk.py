"""The walk of an approved promotion over the real databases: what it journals, in which order, and where it stops."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.migrations import locks
from bot.migrations.splitter import Statement
from rehearsal.postgres import Postgres
from templates.promotion import thread
from templates.promotion.card import card
from templates.promotion.sight import Sight
from tests.migrations.conftest import BRISK
from tests.migrations.walking import Walk, approved
from tests.postgres import Fresh, fresh_database


@pytest.fixture
def staging(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as staging:
        yield staging


@pytest.fixture
def walk(tmp_path: Path, staging: Fresh, fresh: Fresh) -> Iterator[Walk]:
    """Three files on their way into production."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}_add.sql").write_text(f"create table t{number} (id int); insert into t{number} values (1);")
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK) as walk:
        yield walk


def test_each_file_is_attempted_before_and_committed_after_over_one_session(walk: Walk) -> None:
    assert walk.on().stage == "watch"
    kinds = [(entry.kind, entry.data.get("version")) for entry in walk.entries if entry.kind.startswith("apply.")]
    assert kinds == [
        ("apply.before", None), ("apply.attempt", "1"), ("apply.session", "1"), ("apply.committed", "1"),
        ("apply.attempt", "2"), ("apply.committed", "2"), ("apply.attempt", "3"), ("apply.committed", "3"),
    ]
    attempts = walk.told("apply.attempt")
    assert [attempt["attempt"] for attempt in attempts] == ["P-1.1.1", "P-1.2.1", "P-1.3.1"]
    assert [attempt["head"] for attempt in attempts] == [None, "1", "2"]


def test_a_file_that_fails_stops_the_rest_and_leaves_the_ones_before(walk: Walk, fresh: Fresh) -> None:
    fresh.run("create table t2 (id int)")
    walk.on()
    walk.later(timedelta(minutes=31))
    assert walk.promotion.ending is not None
    assert walk.promotion.ending.verdict == "failed"
    assert list(walk.promotion.committed) == ["1"]
    assert not walk.promotion.may_have_changed
    assert fresh.rows("select to_regclass('t1')::text, to_regclass('t3')::text") == [("t1", None)]


def test_asked_to_stop_it_begins_no_further_file_and_goes_on_later(
    walk: Walk, monkeypatch: pytest.MonkeyPatch,
) -> None:
    append = walk.journal.append

    def stopping(facts: Any, **more: Any) -> Any:
        walk.stop = walk.stop or any(fact.kind == "apply.session" for fact in facts)
        return append(facts, **more)

    monkeypatch.setattr(walk.journal, "append", stopping)
    walk.on()
    assert list(walk.promotion.committed) in ([], ["1"])
    assert len(walk.told("apply.attempt")) == 1, "nothing new was begun"
    monkeypatch.undo()
    walk.stop = False
    assert walk.on().stage == "watch"


def test_another_stagedoor_at_work_is_waited_for_and_uses_no_retry_up(walk: Walk, fresh: Fresh) -> None:
    with fresh.connect(application_name="stagedoor:P-9.1.1") as other:
        other.execute("select pg_try_advisory_lock(%s::bigint)", (locks._KEY,))
        reached = walk.on()
    assert "Another Stagedoor session" in reached.waits_for
    assert "stagedoor:P-9.1.1" in reached.waits_for
    assert walk.promotion.retries == 0
    assert walk.told("apply.failed") == []
    assert walk.on().stage == "watch"


def test_what_a_file_may_have_left_behind_is_said(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = (Statement("create table left_over (id int)", 1, 1, "CREATE"), Statement("commit", 2, 2, "SELECT"))
    monkeypatch.setattr("bot.migrations.applier.statements_to_run", lambda content: hidden)
    record = walk.on()
    assert walk.promotion.failure is not None
    assert not walk.promotion.failure.clean
    assert walk.promotion.may_have_changed
    assert not walk.promotion.changed_something
    shown = card(Sight(record=record, promotion=walk.promotion))
    assert "Stopped: look at production, it may have changed" in shown.text
    told = thread.told(walk.promotion, walk.entries[-1])
    assert told is not None
    assert "production may have changed, look at it now" in told.text


def test_quick_statements_are_not_written_down_one_by_one(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    monkeypatch.setattr(type(walk.journal), "put", lambda self, puts: written.extend(puts))
    walk.on()
    assert len([put for put in written if getattr(put, "shelf", "") == "progress"]) <= 2

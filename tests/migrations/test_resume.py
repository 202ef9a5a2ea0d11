"""Promotions that stop: what is in is verified and watched, what is not goes on with Resume; and what people read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Claim, Record, Status
from bot.errors import Refused, Superseded
from bot.migrations import history
from bot.ports import Failed
from bot.runbooks import promotion, steps
from bot.world import World
from rehearsal.postgres import Postgres
from templates.promotion import thread
from templates.promotion.card import card
from templates.promotion.sight import Sight
from tests.deploying import NIGHTS, RULES, Stage
from tests.migrations.conftest import BRISK
from tests.migrations.walking import ANA, BO, Walk, approved
from tests.postgres import Fresh, fresh_database

CY = "U0CY00001"
IMPATIENT = '[apply]\nlock_timeout = "200ms"\nretries = 0\n'


@pytest.fixture
def staging(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as staging:
        yield staging


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}_add.sql").write_text(f"create table t{number} (id int); insert into t{number} values (1);")
    return folder


@pytest.fixture
def walk(tmp_path: Path, folder: Path, staging: Fresh, fresh: Fresh) -> Iterator[Walk]:
    """Three files on their way into production."""
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK, IMPATIENT) as walk:
        yield walk


def shown(walk: Walk, record: Record) -> str:
    """The card's text with its buttons."""
    message = card(Sight(record=record, promotion=walk.promotion, head_hash="x" * 64))
    return f"{message.text}\n{message.blocks}"


def test_killed_right_after_a_failure_was_noted_it_is_not_tried_again(
    walk: Walk, fresh: Fresh, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What failed has been told; a try that nobody asked for would tell it twice, or put in what was said to be out."""
    fresh.run("create table t2 (id int)")
    with monkeypatch.context() as killed:
        killed.setattr(promotion, "halted", lambda *_: _killed())
        walk.on()
    assert len(walk.told("apply.failed")) == 1
    fresh.run("drop table t2")
    assert walk.on().stage == "watch"
    assert len(walk.told("apply.failed")) == 1
    assert list(walk.promotion.committed) == ["1"]


def _killed() -> None:
    raise Superseded("killed")


def test_what_is_in_is_verified_and_watched_although_the_rest_stopped(walk: Walk, fresh: Fresh) -> None:
    fresh.run("create table t2 (id int)")
    record = walk.on()
    assert (record.stage, record.status) == ("watch", Status.LIVE)
    assert list(walk.promotion.committed) == ["1"]
    assert walk.promotion.verified.startswith("1 in production's history")
    said = shown(walk, record)
    assert "Stopped after 1 of 3: production has changed" in said
    assert "In: 1 add (verified, watched until" in said
    assert "Not in: 2 add, 3 add." in said
    assert 'relation "t2" already exists (42P07)' in said
    assert "/migrate restage 2" in said
    assert "'Resume'" in said
    [stopped] = [entry for entry in walk.entries if entry.kind == "apply.stopped"]
    told = thread.told(walk.promotion, stopped)
    assert told is not None
    assert f"<@{ANA}>: P-1 stopped and production has changed: 1 of 3 is in." in told.text
    assert thread.needs_somebody(stopped)
    record = walk.later(timedelta(minutes=31))
    assert walk.promotion.ending is not None
    assert walk.promotion.ending.verdict == "failed"
    assert "Stopped after 1 of 3" in shown(walk, record)


def test_what_a_build_left_invalid_is_said_and_dropped_when_resumed(
    tmp_path: Path, folder: Path, staging: Fresh, fresh: Fresh,
) -> None:
    for database in (staging, fresh):
        database.run("create table books (id int)")
    (folder / "2_add.sql").write_text("create index concurrently books_id_idx on books (id);")
    hasty = IMPATIENT + 'statement_timeout = "1s"\n'
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK, hasty) as walk, fresh.connect() as other:
        other.execute("begin isolation level repeatable read; select from books")
        record = walk.on()
        other.execute("rollback")
        assert record.stage == "watch", walk.promotion.ending
        said = shown(walk, record)
        assert "It left public.books_id_idx INVALID" in said
        assert "'Resume'" in said
        record = walk.resume(BO)
        assert record.stage == "watch", record.waits_for
        assert [data["state"] for data in walk.told("apply.alone")][:2] == ["pending", "dropping"]
        assert fresh.rows("select indisvalid from pg_index where indexrelid = 'books_id_idx'::regclass") == [(True,)]


def test_the_rest_goes_on_without_a_new_approval(walk: Walk, fresh: Fresh) -> None:
    fresh.run("create table t2 (id int)")
    walk.on()
    fresh.run("drop table t2")
    record = walk.resume(BO)
    assert (walk.record, record.stage) == ("P-2", "watch")
    assert list(walk.promotion.committed) == ["2", "3"]
    assert list(walk.promotion.approvals) == [BO]
    assert walk.promotion.requested_by == ANA
    assert walk.told("approval.asked") == []
    assert "Goes on with the rest of P-1, resumed by <@U0BO00001>; what was approved then holds." in shown(walk, record)
    walk.record = "P-1"
    assert "P-2 took over what is not in." in shown(walk, walk.on())
    assert "'Resume'" not in shown(walk, walk.on())
    with pytest.raises(Refused, match="was resumed already, as P-2"):
        walk.resume(ANA)


def test_other_bytes_are_approved_anew(walk: Walk, fresh: Fresh, folder: Path) -> None:
    fresh.run("create table t2 (id int)")
    walk.on()
    (folder / "3_add.sql").write_text("create table t3 (id bigint);")
    record = walk.resume(ANA)
    assert record.stage == "gates", "staging ran something else"
    assert walk.promotion.approvals == {}
    assert "approval is asked anew: the bytes of 3 are not the ones that were approved." in shown(walk, record)


def test_another_head_is_approved_anew(walk: Walk, fresh: Fresh) -> None:
    fresh.run("create table t2 (id int)")
    walk.on()
    fresh.run("drop table t2", "insert into supabase_migrations.schema_migrations values ('10', '{}', 'cli')")
    walk.resume(ANA)
    assert walk.promotion.approvals == {}
    assert walk.promotion.course.asks == "production moved from 1 to 10"


def test_an_old_approval_is_given_anew(walk: Walk, fresh: Fresh) -> None:
    fresh.run("create table t2 (id int)")
    walk.on()
    fresh.run("drop table t2")
    walk.clock.ahead += timedelta(hours=72)
    walk.resume(BO)
    assert walk.promotion.approvals == {}
    assert walk.promotion.course.asks == "its approval is older than 72 h"


def test_a_lock_that_did_not_come_names_who_held_it_and_is_resumed(walk: Walk, fresh: Fresh) -> None:
    fresh.run(*history.CREATE)
    with fresh.connect(application_name="reports") as other:
        other.execute("begin; lock table supabase_migrations.schema_migrations in share mode")
        pid = other.info.backend_pid
        record = walk.on()
        other.execute("rollback")
    assert walk.promotion.ending is not None
    said = shown(walk, record)
    assert "Stopped: production is unchanged" in said
    assert f"The lock was held by: pid {pid}, user postgres, application " in said
    assert "Next: let whoever held the lock end, then press Resume. What was approved holds." in said
    assert walk.resume(ANA).stage == "watch"
    assert list(walk.promotion.committed) == ["1", "2", "3"]


@pytest.mark.parametrize("by", [CY, BO])
def test_operators_and_approvers_may_resume(
    tmp_path: Path, folder: Path, staging: Fresh, fresh: Fresh, by: str,
) -> None:
    fresh.run("create table t2 (id int)")
    operators = f'[roles]\noperators = ["{CY}"]\n'
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK, IMPATIENT + operators, stager=CY) as walk:
        walk.on()
        with pytest.raises(Refused, match="Only an operator or an approver"):
            walk.resume(ANA)
        walk.resume(by)
        assert walk.record == "P-2"


def test_what_has_not_stopped_or_changed_nothing_is_not_resumed(walk: Walk, fresh: Fresh) -> None:
    with pytest.raises(Refused, match="P-1 has not stopped"):
        walk.resume(BO)
    fresh.run("create table t1 (id int)")
    record = walk.on()
    assert "'Resume'" not in shown(walk, record)
    with pytest.raises(Refused, match="changed nothing: mend the cause and ask again with /migrate promote"):
        walk.resume(BO)


def test_a_staging_run_that_stopped_keeps_its_evidence_and_is_resumed(
    tmp_path: Path, folder: Path, staging: Fresh, fresh: Fresh,
) -> None:
    staging.run("create table t2 (id int)")
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK, IMPATIENT) as walk:
        walk.record = "S-1"
        assert walk.promotion.ending is not None
        assert walk.promotion.ending.verdict == "failed"
        run = walk.journal.get("staged", "shop:1")
        assert run is not None
        assert run["record"] == "S-1"
        assert [way.proven for way in walk.promotion.ways] == [True]
        staging.run("drop table t2")
        record = walk.resume(ANA)
        assert walk.promotion.ending is not None
        assert (walk.record, walk.promotion.ending.verdict) == ("S-2", "done")
        assert "Goes on with the rest of S-1" in shown(walk, record)
        assert walk.journal.get("staged", "shop:3") is not None


# Locks foretold and locks held -------------------------------------------------------------------------------------


def test_the_lock_that_staging_foretold_stands_beside_the_one_that_was(
    tmp_path: Path, folder: Path, staging: Fresh, fresh: Fresh,
) -> None:
    (folder / "2_add.sql").write_text("select 1; alter table t1 add column more int; select pg_sleep(0.02);")
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK, IMPATIENT) as walk:
        walk.on()
        record = walk.later(timedelta(minutes=31))
        lock = walk.promotion.course.lock
        assert lock is not None
        assert lock.table == "public.t1"
        assert 0.02 < lock.foretold < 1
        assert 0.02 < lock.was < 1
        said = f"lock on t1 foretold {lock.foretold * 1000:.0f} ms, was {lock.was * 1000:.0f} ms"
        assert said in shown(walk, record)
        assert " ms on staging) · lock" in shown(walk, record)
        assert len(walk.told("locks.compared")) == 1


# Retries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "retries", "sqlstate", "pause"), [
    ("2026-11-23 23:00", 2, "55P03", 4.0), ("2026-11-23 23:00", 5, "55P03", 300.0),
    ("2026-11-24 01:54", 9, "55P03", 300.0), ("2026-11-24 01:56", 9, "55P03", None),
    ("2026-11-24 12:00", 5, "55P03", None), ("2026-11-23 23:00", 5, "40001", None),
])
def test_a_lock_is_tried_for_slowly_until_the_window_closes(
    tmp_path: Path, at: str, retries: int, sqlstate: str, pause: float | None,
) -> None:
    s = Stage(tmp_path, RULES + NIGHTS, datetime.fromisoformat(at).replace(tzinfo=UTC))
    plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=())
    p = Promotion(id="P-1", kind="promotion", plan=plan, requested_by=ANA, requested_at=s.clock.now(), retries=retries)
    record = Record(id="P-1", kind="promotion", project="shop", stage="apply")
    world = World(ports=s.ports, record=record, claim=Claim(record="P-1", fence=1))
    assert steps._pause(p, Failed(why="", sqlstate=sqlstate, retry=True), world) == pause
    s.journal.close()


# Alone in its file, the whole way ----------------------------------------------------------------------------------


def test_a_concurrent_index_goes_the_whole_way(tmp_path: Path, folder: Path, staging: Fresh, fresh: Fresh) -> None:
    (folder / "2_add.sql").write_text("-- Migration: x\ncreate index concurrently t1_id_idx on t1 (id);\n")
    (folder / "3_add.sql").write_text("drop index concurrently t1_id_idx;")
    with approved(tmp_path, folder, staging.url, fresh.url, BRISK, IMPATIENT) as walk:
        record = walk.on()
        assert record.stage == "watch"
        gate = next(check for check in walk.promotion.checklist if check.gate == "one_transaction")
        assert "2 is CREATE INDEX CONCURRENTLY t1_id_idx, alone outside a transaction" in gate.said
        assert walk.journal.all("begun") == {}
        assert [data["state"] for data in walk.told("apply.alone")] == ["pending", "ran", "pending", "ran"]
        lines = [told.text for entry in walk.entries if (told := thread.told(walk.promotion, entry))]
        assert any("CREATE INDEX CONCURRENTLY t1_id_idx: it ran alone, outside a transaction" in line for line in lines)
        walk.record = "S-1"
        assert [way.schema for way in walk.promotion.ways] == ["exact"] * 3

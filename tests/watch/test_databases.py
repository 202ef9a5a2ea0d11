"""What production's database itself shows: readings of a real one, and what the watcher makes of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.entry import Fact, Json, Opening
from bot.domain.record import Status
from bot.ports import Put
from bot.watch.watcher import Watcher
from tests.postgres import Fresh
from tests.watching import ANA, POLICY, Post, post

TABLE = "create table public.books (id int primary key, title text)"
HISTORY = (
    "create schema if not exists supabase_migrations",
    "create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[],"
    " name text)",
)


@pytest.fixture
def p(tmp_path: Path, database: Fresh) -> Iterator[Post]:
    database.run(TABLE, *HISTORY)
    rules = POLICY + '[watch]\nblocked = "300ms"\nidle_in_transaction = "200ms"\nslow_query_ms = 100\n'
    with post(tmp_path, database.url, rules) as made:
        made.look()
        yield made


def promotion(p: Post, *facts: tuple[str, dict[str, Json]]) -> None:
    plan: Json = {"project": "shop", "environment": "production", "head": None, "files": []}
    p.says([Fact(about="P-1", kind="promotion.requested", actor=ANA, data={"kind": "promotion", "plan": plan},
                 opens=Opening(kind="promotion", project="shop", stage="apply"))])
    for kind, data in facts:
        p.says([Fact(about="P-1", kind=kind, actor="stagedoor", data=data)])


def test_a_column_made_by_hand_is_told_within_one_look_and_only_once(p: Post, database: Fresh) -> None:
    database.run("alter table public.books add column isbn text")
    p.look()
    p.look()
    [alert] = p.alerts
    assert alert.title == "Production changed without a promotion"
    assert "+ column public.books.isbn" in p.lines(alert.id)[0]
    assert b"isbn" in p.journal.fetch(alert.attach)
    assert alert.level == "error"


def test_what_moves_the_marks_and_changes_nothing_is_not_told(p: Post, database: Fresh) -> None:
    database.run("insert into public.books select n, 'x' from generate_series(1, 500) n", "analyze public.books",
                 "vacuum full public.books", "create temporary table t (a int)", "reindex table public.books")
    p.look()
    assert p.alerts == []


def test_a_migration_that_the_cli_pushed_is_told_with_the_way_on(p: Post, database: Fresh) -> None:
    database.run("alter table public.books add column isbn text",
                 "insert into supabase_migrations.schema_migrations values ('20261120000000', '{}', 'isbn')")
    p.look()
    [alert] = p.alerts
    assert alert.said == "20261120000000 stands in its history now; 1 object of its catalog changed."
    assert "/migrate baseline" in p.lines(alert.id)[0]


def test_what_a_promotion_of_ours_does_is_never_told(p: Post, database: Fresh) -> None:
    p.journal.put([Put(shelf="hold", key="shop:promotion", doc={"record": "P-1"})])
    promotion(p, ("apply.attempt", {"attempt": "P-1.1.1", "version": "20261120000000"}))
    database.run("alter table public.books add column isbn text",
                 "insert into supabase_migrations.schema_migrations values ('20261120000000', '{}', 'isbn')")
    p.look()                                        # while it holds the project
    p.says([Fact(about="P-1", kind="apply.committed", actor="stagedoor",
                 data={"version": "20261120000000", "seconds": 0.1, "statements": 1})])
    p.journal.put([Put(shelf="hold", key="shop:promotion", doc=None)])
    p.look()
    p.look()
    assert p.alerts == []
    database.run("alter table public.books drop column isbn")
    p.look()
    assert len(p.alerts) == 1


def test_a_change_stays_open_until_somebody_acknowledges_it(p: Post, database: Fresh) -> None:
    database.run("drop table public.books")
    p.look()
    p.clock.forward(hours=2)
    p.walk()
    [alert] = p.alerts
    assert [record.status for record in p.records] == [Status.LIVE]
    p.says(p.people.acknowledge(ANA, alert.id))
    p.walk()
    assert [record.status for record in p.records] == [Status.ENDED]


def test_who_blocks_whom_is_told_and_it_resolves_itself(p: Post, database: Fresh) -> None:
    with database.connect() as holder, database.connect() as waiter:
        holder.execute("begin; lock table public.books")
        asked = "select count(*) from public.books where title = 'Jane Doe'"
        blocked = threading.Thread(target=lambda: waiter.execute(asked))
        blocked.start()
        time.sleep(0.6)
        p.look()
        titles = {alert.title: alert for alert in p.alerts}
        alert = titles["Sessions are blocked in production"]
        assert "1 session waits for a lock" in alert.said
        assert "from public.books where title = ?" in alert.said
        assert "Jane" not in f"{alert} {p.lines(alert.id)}"
        assert "idle in transaction" in "\n".join(p.lines(alert.id))
        assert "A transaction is left open in production" in titles
        holder.execute("rollback")
        blocked.join()
    p.clock.forward(seconds=30)
    p.look()
    p.walk()
    assert {record.status for record in p.records} == {Status.ENDED}
    assert p.lines(alert.id)[-1] == f"{alert.id} is over."


def test_a_database_that_does_not_answer_is_told_when_it_lasts(p: Post, database: Fresh) -> None:
    Watcher(p.ports).databases()
    database.server.drop(database.name)
    for minutes in (1, 1, 3):
        Watcher(p.ports).databases()
        p.clock.forward(minutes=minutes)
    Watcher(p.ports).databases()
    [alert] = p.alerts
    assert alert.title == "Production's database does not answer"
    assert "does not exist" in alert.said
    database.server.project(database.name)
    Watcher(p.ports).look("shop")
    p.clock.forward(seconds=30)
    Watcher(p.ports).look("shop")
    p.walk()
    assert next(each for each in p.records if each.id == alert.id).status is Status.ENDED


def test_a_database_that_does_not_answer_resolves_nothing(p: Post, database: Fresh) -> None:
    with database.connect() as holder:
        holder.execute("begin; select 1")
        time.sleep(1.1)
        p.look()
    p.clock.forward(minutes=30)
    p.walk()
    assert p.records[0].status is Status.LIVE


def test_a_statement_that_is_new_and_slow_is_told_and_known_from_then_on(p: Post, database: Fresh) -> None:
    database.run("select pg_sleep(0.15)")
    p.look()
    [alert] = p.alerts
    assert alert.title == "Slow query in production"
    assert alert.said == "select pg_sleep(?)"
    database.run("select pg_sleep(0.15)")
    p.look()
    assert len(p.alerts) == 1


def test_what_ran_while_something_of_ours_went_in_is_nobodys_slow_query(p: Post, database: Fresh) -> None:
    database.run("select pg_sleep(0.15)")
    promotion(p, ("apply.committed", {"version": "1", "seconds": 0.2, "statements": 1}))
    p.look()
    assert [alert for alert in p.alerts if alert.rule == "slow_query"] == []
    database.run("select pg_sleep(0.15)")
    p.look()
    assert len([alert for alert in p.alerts if alert.rule == "slow_query"]) == 0, "known from then on"


def test_a_promotion_that_stopped_half_way_needs_a_person(p: Post) -> None:
    promotion(
        p, ("apply.committed", {"version": "1", "seconds": 0.1, "statements": 1}),
        ("walk.ended", {"stage": "apply", "verdict": "failed", "why": "It broke."}),
    )
    p.look()
    [alert] = p.alerts
    assert alert.title == "A promotion stopped half-way in production"
    assert alert.wakes == "stopped"
    p.walk()
    assert "A promotion stopped half-way".lower() in p.lines(alert.id)[-1]


def test_what_cannot_be_read_is_named_and_is_no_fine_reading(tmp_path: Path, database: Fresh) -> None:
    database.run("drop extension pg_stat_statements", user="supabase_admin")
    with post(tmp_path, database.url) as p:
        p.look()
        looked = p.journal.get("looked", "shop")
        assert looked
        assert looked["unread"] == {"statements": "the extension pg_stat_statements is not there"}


def test_sessions_that_the_server_hides_are_named_and_not_taken_for_none(tmp_path: Path, database: Fresh) -> None:
    with post(tmp_path, database.server.url(database.name, "authenticator")) as p:
        p.look()
        looked = p.journal.get("looked", "shop")
        assert looked
        assert "grant pg_read_all_stats" in str(looked["unread"])


def test_a_look_is_cheap(p: Post) -> None:
    begun = time.monotonic()
    for _ in range(5):
        p.look()
    assert time.monotonic() - begun < 5

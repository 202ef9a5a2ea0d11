"""A question to a database: true or false, by one statement that can change nothing."""

from __future__ import annotations

import psycopg
import pytest

from bot.errors import Refused, Unreachable
from bot.migrations.database import PostgresDatabase
from tests.postgres import Fresh


@pytest.fixture
def shop(database: Fresh) -> Fresh:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("create table orders (id int, total int)")
        connection.execute("insert into orders values (1, 10), (2, 20)")
        connection.execute("create sequence numbers")       # which no rollback takes back
    return database


def ask(shop: Fresh, sql: str) -> bool:
    return PostgresDatabase(shop.url, "production").holds(sql)


def rows(shop: Fresh) -> int:
    with psycopg.connect(shop.url) as connection:
        return int(connection.execute("select count(*) from orders").fetchall()[0][0])


ANSWERS = {
    "select count(*) = 2 from orders": True,
    "select count(*) = 0 from orders where total < 0 -- none below zero": True,
    "select bool_and(total > 15) from orders": False,
    "with big as (select * from orders where total > 15) select exists (select from big)": True,
    "select null::boolean": False,
    "select 1": False,
    "select true from orders": False,      # two rows are no answer
    "select true where false": False,
    "select true, true": False,
    "select 'per%cent' like '%'": True,
}
NO_QUESTIONS = (
    "delete from orders returning true",
    "with gone as (delete from orders returning id) select true",
    "select true) as x; delete from orders; select * from (select true",
    "select true; delete from orders",
    "select true) as x, lateral (select set_config('transaction_read_only', 'off', false)) as y; commit; --",
    "commit",
    "do $$ begin delete from orders; end $$",
    "copy orders to program 'true'",
    "select nothing_like_it from orders", "select nextval('numbers') > 0",
    "select pg_sleep(60) is not null",
    "",
)


def test_only_one_row_of_one_true_holds(shop: Fresh) -> None:
    assert {sql: ask(shop, sql) for sql in ANSWERS} == ANSWERS


def test_nothing_else_is_taken_and_nothing_changes(shop: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.migrations.asking.TIMEOUT", "300ms")
    for sql in NO_QUESTIONS:
        with pytest.raises(Refused, match="does not take the question"):
            ask(shop, sql)
    assert rows(shop) == 2


def test_rows_that_a_policy_hides_never_make_it_true(shop: Fresh) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("alter table orders enable row level security")
    assert ask(shop, "select count(*) = 2 from orders")      # as the owner, since the reading role would see none
    assert not ask(shop, "select count(*) = 0 from orders")


def test_a_server_that_is_away_is_not_an_answer(shop: Fresh) -> None:
    with pytest.raises(Unreachable, match="production"):
        PostgresDatabase("postgresql://nobody@127.0.0.1:9/none", "production").holds("select true")

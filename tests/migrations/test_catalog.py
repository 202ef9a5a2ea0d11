"""Catalogs: read by name, compared in words, and what they say about who can do what."""

from __future__ import annotations

import pytest

from bot.domain.catalog import Snapshot
from bot.migrations.catalog.access import access_diff
from bot.migrations.catalog.diff import differences, readable, reordered
from bot.migrations.catalog.reading import snapshot
from tests.migrations.kinds import BOOKS
from tests.postgres import Fresh


def seen(fresh: Fresh) -> Snapshot:
    with fresh.connect() as connection:
        return snapshot(connection)


def test_the_same_catalog_twice_is_equal_and_survives_json(fresh: Fresh) -> None:
    fresh.run(BOOKS)
    one = seen(fresh)
    assert one == seen(fresh) == Snapshot.decoded(one.encoded())
    assert one.encoded() == seen(fresh).encoded()
    assert one.objects["column", "public.books.title"] == {"type": "text", "not_null": True}
    assert one.order["public.books"] == ("id", "title", "region", "price", "sold", "notes")


def test_it_is_read_inside_a_transaction_and_leaves_its_settings(fresh: Fresh) -> None:
    with fresh.connect() as connection:
        connection.execute("begin; set local search_path to public; set local timezone to 'Asia/Tokyo'")
        connection.execute("create table inside (at timestamptz default '2026-01-01 00:00+00')")
        found = snapshot(connection)
        assert connection.execute("show search_path").fetchone() == ("public",)
        assert connection.execute("show timezone").fetchone() == ("Asia/Tokyo",)
        assert "inside" in str(found.objects.keys())
        connection.execute("rollback")


def test_the_settings_of_a_session_change_no_word(fresh: Fresh) -> None:
    fresh.run(BOOKS + "create table p (at timestamptz) partition by range (at);"
              "create table p1 partition of p for values from ('2026-01-01') to ('2027-01-01')")
    one = seen(fresh)
    with fresh.connect() as connection:
        connection.execute("set timezone to 'Asia/Tokyo'; set datestyle to 'German'; set search_path to public")
        assert snapshot(connection).objects == one.objects


def test_the_difference_reads_like_one(fresh: Fresh) -> None:
    fresh.run(BOOKS)
    before = seen(fresh)
    fresh.run(
        "alter table books drop column notes; alter table books alter sold type bigint; "
        "create index i on books (title); drop policy readers on books"
    )
    after = seen(fresh)
    assert readable(before, after).splitlines() == [
        "- column public.books.notes", "~ column public.books.sold: type: integer → bigint", "+ index public.i",
        "- policy public.books.readers",
    ]
    assert readable(after, after) == ""


def test_column_order_is_kept_apart(fresh: Fresh) -> None:
    fresh.run("create table t (a int, b int)")
    before = seen(fresh)
    fresh.run("alter table t drop column a; alter table t add column a int")
    assert differences(before, seen(fresh)) == ()
    assert reordered(before, seen(fresh)) == ("public.t",)


@pytest.mark.parametrize(("sql", "says"), [
    ("create policy new_policy on books for select using (true)",
     "authenticated can now SELECT books (policy new_policy, using true)"),
    ("alter table books disable row level security",
     "anon and authenticated can now INSERT, UPDATE, DELETE books; authenticated can now SELECT books "
     "(every row: row level security is off)\nanon can differently SELECT books"),
    ("drop policy readers on books", "anon can no longer SELECT books"),
    ("revoke select on books from anon", "anon can no longer SELECT books"),
    ("revoke select on books from anon; grant select (title) on books to anon",
     "anon can differently SELECT books (only title; policy readers"),
    ("create table open (id int)", "anon and authenticated can now SELECT, INSERT, UPDATE, DELETE open "
     "(every row: row level security is off)"),
    ("create table shut (id int); alter table shut enable row level security",
     "service_role can now SELECT, INSERT, UPDATE, DELETE shut (past every policy)"),
    ("create view v as select * from books; revoke all on v from authenticated, service_role; "
     "revoke insert, update, delete on v from anon", "anon can now SELECT v (with the rights of postgres)"),
    ("create function f() returns int language sql security definer as 'select 1'",
     "anon, authenticated and service_role can now execute f() (with the rights of postgres)"),
    ("create policy never on books as restrictive for all to anon using (false)",
     "anon can differently SELECT books (restrictive policy never, using false; policy readers"),
    ("comment on table books is 'x'", ""),
])
def test_who_can_do_what_now(fresh: Fresh, sql: str, says: str) -> None:
    fresh.run(BOOKS)
    before = seen(fresh)
    fresh.run(sql)
    told = "\n".join(access_diff(before, seen(fresh)))
    assert says in told, told
    assert bool(says) == bool(told)

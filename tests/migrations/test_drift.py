"""Drift: what differs for no known reason is held, what migrations and the platform explain is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.domain.catalog import Snapshot
from bot.domain.drift import Drift
from bot.migrations.catalog.drift import Pending, drift
from bot.migrations.catalog.reading import snapshot
from rehearsal.postgres import Postgres
from tests.migrations.kinds import BOOKS
from tests.postgres import Fresh, fresh_database

BASE = BOOKS + """
do $$ begin create role keeper; grant keeper to current_user; exception when duplicate_object then null; end $$;
grant create on schema public to keeper;
update public.books set notes = 'x';
create view public.sold as select id, sold from public.books;
create function public.twice(n int) returns int language sql as 'select n * 2';
create schema if not exists storage; create table if not exists storage.objects (id int, name text);
create function storage.touch() returns trigger language plpgsql as 'begin return new; end';
"""

HELD = {
    "column": ("alter table books add column hack int", "column public.books.hack"),
    "type": ("alter table books alter price type text", "column public.books.price"),
    "not null": ("alter table books alter notes set not null", "column public.books.notes"),
    "default": ("alter table books alter notes set default 'x'", "default public.books.notes"),
    "constraint": ("alter table books add constraint positive check (sold >= 0)", "constraint public.books.positive"),
    "unique index": ("create unique index one_title on books (title)", "index public.one_title"),
    "policy": ("create policy open on books for update to anon using (true)", "policy public.books.open"),
    "policy gone": ("drop policy readers on books", "policy public.books.readers"),
    "rls": ("alter table books disable row level security", "table public.books"),
    "grant": ("revoke delete on books from anon", "table public.books"),
    "trigger": ("create function t() returns trigger language plpgsql as 'begin return new; end';"
                "create trigger stamp before insert on books for each row execute function t()",
                "trigger public.books.stamp"),
    "function": ("create or replace function public.twice(n int) returns int language sql as 'select n * 3'",
                 "function public.twice(integer)"),
    "view": ("create or replace view public.sold as select id, sold from public.books where sold > 0",
             "view public.sold"),
    "view's rights": ("alter view public.sold set (security_invoker = on)", "view public.sold"),
    "storage policy": ("create policy mine on storage.objects for select to anon using (true)",
                       "policy storage.objects.mine"),
}
NOTED = {
    "index": "create index by_region on books (region)",
    "comment": "comment on table books is 'the shop''s'",
    "owner": "alter table books owner to keeper",
    "tuning": "alter table books set (autovacuum_vacuum_scale_factor = 0.01); alter table books alter title"
              " set statistics 500",
    "extension": "create schema if not exists extensions;"
                 " create extension if not exists pg_trgm with schema extensions",
    "publication": "alter publication supabase_realtime add table books",
    "default rights": "alter default privileges in schema public revoke select on tables from anon",
    "platform's trigger": "create trigger touch before update on storage.objects for each row execute function"
                          " storage.touch()",
    "statistics": "create statistics by_both on title, region from books",
}


@pytest.fixture
def two(server: Postgres) -> Iterator[tuple[Fresh, Fresh]]:
    """Production and staging, both with the same base."""
    with fresh_database(server) as production, fresh_database(server) as staging:
        for one in (production, staging):
            one.run(BASE)
        yield production, staging


def seen(fresh: Fresh) -> Snapshot:
    with fresh.connect() as connection:
        return snapshot(connection)


def changed(fresh: Fresh, sql: str) -> Snapshot:
    """The catalog with a change that is rolled back."""
    with fresh.connect() as connection:
        connection.execute("begin")
        connection.execute(sql.encode())
        found = snapshot(connection)
        connection.execute("rollback")
    return found


def held(found: Drift) -> list[str]:
    return [stray.name for stray in found.held]


def test_what_nobody_migrated_is_held_and_what_the_place_decides_is_noted(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    same = seen(staging)
    assert seen(production).objects == same.objects
    assert drift(same, seen(production)) == Drift()
    for what, (sql, name) in HELD.items():
        other = changed(production, sql)
        assert name in held(drift(other, same)), f"{what}, in production"
        assert name in held(drift(same, other)), f"{what}, on staging"
    for what, sql in NOTED.items():
        other = changed(production, sql)
        for found in (drift(other, same), drift(same, other)):
            assert held(found) == [], what
            assert found.noted, what


def test_another_change_is_another_stray(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    same = seen(staging)
    one, again, other = (
        drift(changed(production, f"create policy open on books for update to anon using ({rule})"), same).held[0]
        for rule in ("true", "true", "sold > 0")
    )
    assert one.difference == again.difference != other.difference
    assert one.difference.said == "policy public.books.open is only in production, and no migration explains it"
    assert type(one.difference).parse(str(one.difference)) == one.difference


def test_objects_only_on_staging_are_held_where_the_plan_names_them(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    there = changed(staging, "create table toys (id int primary key, price int)")
    found = drift(seen(production), there)
    assert held(found) == []
    assert found.noted == ("table public.toys is only on staging",), "its columns go along"
    assert held(drift(seen(production), there, planned="create view v as select * from toys")) == ["table public.toys"]
    assert held(drift(there, seen(production))) == ["table public.toys"]


def test_partitions_and_our_own_schema_are_no_drift(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    for one in two:
        one.run("create table events (at timestamptz, what text) partition by range (at)")
    there = changed(production, "create table events_1 partition of events for values from ('2026-01-01') to"
                                " ('2026-02-01'); create index on events_1 (what); create schema stagedoor_kept;"
                                " create table stagedoor_kept.books (id int)")
    found = drift(there, seen(staging))
    assert held(found) == []
    assert found.noted == ("table public.events_1 is only in production",)


def test_what_pending_migrations_did_on_staging_is_explained(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    before = seen(staging)
    staging.run("alter table books add column subtitle text; alter table books alter price type text;"
                " drop view sold; create table tags (id int primary key)")
    after = seen(staging)
    ran = [Pending(label="2026 add", before=before, after=after)]
    assert drift(seen(production), after, ran) == Drift()
    assert len(drift(seen(production), after).held) == 3, "without the run nobody knows"
    hacked = changed(production, "alter table books add column hack int")
    assert held(drift(hacked, after, ran)) == ["column public.books.hack"]


def test_production_may_have_already_what_is_pending(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    before = seen(staging)
    staging.run("alter table books add column subtitle text; alter table books alter notes set not null")
    after = seen(staging)
    ran = [Pending(label="2026 add", before=before, after=after)]
    there = changed(
        production, "alter table books add column subtitle text; alter table books alter notes set not null",
    )
    found = drift(there, after, ran)
    assert held(found) == []
    assert found.noted == ("column public.books.subtitle is in production already, and 2026 add makes it",)
    other = drift(changed(production, "alter table books add column subtitle int"), after, ran)
    assert [str(stray) for stray in other.held] == [
        "column public.books.subtitle is in production already, and not as a pending migration makes it"
        " (pending: 2026 add)",
    ]
    third = drift(changed(production, "alter table books alter notes type varchar(9)"), after, ran)
    assert held(third) == ["column public.books.notes"]


def test_what_nobody_watched_is_explained_by_the_names_it_speaks(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    sql = "alter table books add column subtitle text; create index on books (subtitle); grant select on books to anon"
    staging.run(sql)
    pushed = [Pending(label="2026 add", sql=sql)]
    found = drift(seen(production), seen(staging), pushed)
    assert held(found) == []
    assert "on what 2026 add names: column public.books.subtitle" in found.noted[-1]
    staging.run("drop policy readers on books; alter table books add column hack int")
    unknown = drift(seen(production), seen(staging), pushed)
    assert held(unknown) == ["column public.books.hack"], "a policy of a table that it names may be its doing"
    assert unknown.unsure == "Stagedoor did not see 2026 add run"
    assert held(drift(seen(staging), seen(production), elsewhere=pushed)) == ["column public.books.hack"]


def test_the_order_of_columns_is_said_and_not_held(two: tuple[Fresh, Fresh]) -> None:
    production, staging = two
    production.run("alter table books add column a int; alter table books add column b int")
    staging.run("alter table books add column b int; alter table books add column a int")
    assert drift(seen(production), seen(staging)).noted == ("the columns of public.books stand in another order",)

"""Rows that a migration destroys are kept in its own transaction, and come back byte for byte."""

from __future__ import annotations

import threading

import psycopg
import pytest

from bot.errors import Busy, Refused
from bot.migrations.database import PostgresDatabase
from bot.migrations.keeping.losses import losses
from bot.ports import Done
from tests.handlers.slack_side import eventually
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh

WIDE = """
create type public.mood as enum ('well', 'ill');
create table public.people (
  id bigint generated always as identity primary key, name text not null, mood public.mood, born date, code char(5),
  scores numeric(8,3)[], doc jsonb, raw json, key bytea, at timestamptz, span interval, ratio float8, net inet,
  full_name text generated always as (name || '!') stored
)"""
FILL = """
insert into public.people (name, mood, born, code, scores, doc, raw, key, at, span, ratio, net)
select e'O''Reilly \\\\ "' || g || e'\\n', case when g % 3 = 0 then null else 'ill'::mood end, date '1970-01-01' + g,
  'a' || g % 10, array[g / 3.0, null], jsonb_build_object('a', g, 'b', 'null'::jsonb), '{"b" : 1,  "a":2}',
  decode(md5(g::text), 'hex'), now() + g * interval '1 second', g * interval '1 hour', g / 7.0::float8, '10.0.0.1/8'
from generate_series(1, 300) g"""
CONTENT = "select coalesce(md5(string_agg(people::text, ',' order by id)), '') from public.people"


@pytest.fixture
def people(production: Fresh) -> Fresh:
    production.run(*WIDE.strip().split(";\n"), FILL)
    return production


def put_in(fresh: Fresh, sql: str, notes: Notes | None = None) -> PostgresDatabase:
    database = PostgresDatabase(fresh.url, "production", BRISK)
    outcome = apply(database, job(sql, keep=True, attempt="P-7.1.1"), notes or Notes())
    assert isinstance(outcome, Done), outcome
    return database


@pytest.mark.parametrize(("sql", "back", "rows"), [
    ("drop table public.people; drop type public.mood;", WIDE, 300),
    ("truncate people restart identity;", "", 300),
    ("delete from public.people p where p.id > 10 and name like '%(%' or id % 2 = 0 returning id;", "", 150),
    ("delete from people using books b where b.id = people.id and b.id <= 40;", "", 40),
    ("update people set name = 'x', mood = 'well' where id <= 20;", "", 20),
    ("update only public.people as p set (name, code) = (select 'x', 'y') from books where books.id = p.id;", "", 300),
    ("with gone as (delete from people where id < 5 returning *) select count(*) from gone;", "", 300),
    ("do $$ begin delete from public.people where id < 50; end $$;", "", 300),
    ("alter table people alter column ratio type int using ratio::int;",
     "alter table people alter column ratio type float8", 300),
])
def test_what_goes_is_kept_and_comes_back_byte_for_byte(people: Fresh, sql: str, back: str, rows: int) -> None:
    before = people.rows(CONTENT)
    notes = Notes()
    database = put_in(people, sql, notes)
    [kept] = database.kept_rows()
    assert (kept.record, kept.tables, kept.rows, kept.restored) == ("P-7", ("public.people",), rows, False)
    if back:
        people.run(*back.strip().split(";\n"))
    assert people.rows(CONTENT) != before
    database.put_back("P-7", 3.0)
    assert people.rows(CONTENT) == before
    assert database.kept_rows()[0].restored
    with pytest.raises(Refused, match="put back already"):
        database.put_back("P-7", 3.0)


def test_two_who_put_back_at_once_put_back_once(production: Fresh) -> None:
    production.run("create table public.heap (what text)", "insert into public.heap values ('a'), ('b')")
    database = put_in(production, "delete from public.heap;")
    said: list[object] = []

    def put_back() -> None:
        try:
            said.append(dict(database.put_back("P-7", 10.0)))
        except Busy as waits:
            said.append(str(waits))

    two = [threading.Thread(target=put_back) for _ in range(2)]
    with psycopg.connect(production.url) as other:
        other.execute("lock table public.heap")     # both come as far as they can
        for one in two:
            one.start()
        eventually(lambda: said or len(production.rows(
            "select from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'stagedoor:%'"
        )) == 2)
    for one in two:
        one.join()
    assert {"public.heap": 2} in said
    assert any("another Stagedoor session" in str(one) for one in said), said
    assert production.rows("select count(*) from public.heap") == [(2,)]


def test_a_lock_that_others_hold_is_waited_for_and_no_end(people: Fresh) -> None:
    database = put_in(people, "delete from people where id < 9;")
    with psycopg.connect(people.url) as other:
        other.execute("lock table people")
        with pytest.raises(Busy, match="its tables are in use"):
            database.put_back("P-7", 0.1)
    assert database.put_back("P-7", 3.0) == {"public.people": 8}


def test_a_dropped_column_comes_back_by_key(people: Fresh) -> None:
    values = "select md5(string_agg(doc::text || coalesce(mood::text, '-'), ',' order by id)) from people"
    before = people.rows(values)
    database = put_in(people, "alter table if exists people drop column if exists doc, drop column mood cascade;")
    with pytest.raises(Refused, match=r"no column (mood, doc|doc, mood)"):
        database.put_back("P-7", 3.0)
    people.run("alter table people add column mood mood, add column doc jsonb")
    assert database.put_back("P-7", 3.0) == {"public.people": 300}
    assert people.rows(values) == before


def test_rows_that_go_by_a_foreign_key_are_kept_too(people: Fresh) -> None:
    people.run(
        "create table orders (id int primary key, person bigint references people on delete cascade)",
        "insert into orders select g, g from generate_series(1, 100) g",
    )
    database = put_in(people, "delete from people where id = 3;")
    assert people.rows("select count(*) from orders") == [(99,)]
    database.put_back("P-7", 3.0)
    assert people.rows("select count(*) from orders where person = 3") == [(1,)]


def test_nobody_else_can_read_them_and_the_catalog_does_not_see_them(people: Fresh) -> None:
    database = PostgresDatabase(people.url, "production", BRISK)
    before = database.catalog()
    put_in(people, "delete from people;")
    assert database.catalog().encoded() == before.encoded()
    assert database.leftovers() == ()
    for role in ("anon", "authenticated", "service_role"):
        rights = (
            "select has_schema_privilege(%s, 'stagedoor_kept', 'USAGE'), has_table_privilege(%s, c.oid, 'SELECT')"
            " from pg_class c where c.relnamespace = 'stagedoor_kept'::regnamespace and c.relkind = 'r'"
        )
        assert set(people.rows(rights, role, role)) == {(False, False)}
    secured = "select bool_and(relrowsecurity) from pg_class where relnamespace = 'stagedoor_kept'::regnamespace" \
        " and relkind = 'r'"
    assert people.rows(secured) == [(True,)]


def test_no_write_is_missing_and_readers_go_on(people: Fresh) -> None:
    people.run("create table counter (id int primary key, n int)", "insert into counter values (1, 0)")
    over, written = threading.Event(), [0]

    def write() -> None:
        with people.connect() as connection:
            while not over.is_set():
                try:
                    connection.execute("insert into counter select max(id) + 1, 1 from counter")
                    written[0] += 1
                except Exception:
                    return      # the table is gone

    writer = threading.Thread(target=write)
    writer.start()
    try:
        over.wait(0.3)
        database = put_in(people, "drop table counter;")
    finally:
        over.set()
        writer.join()
    assert database.kept_rows()[0].rows == written[0] + 1


def test_a_file_that_fails_keeps_nothing(people: Fresh) -> None:
    database = PostgresDatabase(people.url, "production", BRISK)
    apply(database, job("delete from people; select 1/0;", keep=True), Notes())
    assert database.kept_rows() == ()


def test_what_is_forgotten_is_gone(people: Fresh) -> None:
    database = put_in(people, "delete from people;")
    database.forget_rows("P-7")
    assert database.kept_rows() == ()
    assert people.rows("select count(*) from pg_class where relname like 'rows\\_%'") == [(0,)]


def test_triggers_rest_while_rows_come_back(people: Fresh) -> None:
    people.run(
        "create function shout() returns trigger language plpgsql as 'begin raise exception ''no''; end'",
        "create trigger shout before insert on people for each row execute function shout()",
    )
    database = put_in(people, "delete from people where id = 1;")
    assert database.put_back("P-7", 3.0) == {"public.people": 1}
    assert people.rows("select tgenabled::text from pg_trigger where tgname = 'shout'") == [("O",)]


@pytest.mark.parametrize(("sql", "expected"), [
    ("create table a (drop int)", []),
    ("alter table a drop constraint c", []),
    ("alter table a add column b int, alter column c set default 1", []),
    ('drop table if exists "A b".c, d cascade', [('"A b".c', "drop table"), ("d", "drop table")]),
    ('ALTER TABLE ONLY a DROP b, ALTER COLUMN "C" SET DATA TYPE int', [("a", "drop column"), ("a", "change type")]),
    ("insert into a select 1", []),
    ("insert into a values (1) on conflict (id) do update set b = 2", [("a", "update")]),
    ("merge into a using b on true when matched then delete", [("a", "merge")]),
    ("update a set b = c is distinct from d where e", [("a", "update")]),
])
def test_losses_are_read_from_the_words(sql: str, expected: list[tuple[str, str]]) -> None:
    assert [(loss.table, loss.why) for loss in losses(sql)] == expected



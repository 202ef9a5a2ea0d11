"""Rows that a migration destroys are kept in its own transaction, and come back byte for byte."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable

from bot.domain.entry import Json
from bot.domain.returning import Returning
from bot.errors import Refused
from bot.migrations.database import PostgresDatabase
from bot.migrations.keeping.losses import losses
from bot.ports import Busy, Done, Moved
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


def put_back(database: PostgresDatabase) -> tuple[Returning, ...]:
    return database.put_back("P-7", database.going_back("P-7"), 3.0, lambda: False)


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
        rollback = job(f"{back.strip()};", "20260301000001", "20260301000000", keep=True, attempt="R-1.1.1")
        assert isinstance(apply(database, rollback, Notes()), Done)
    assert people.rows(CONTENT) != before
    put = put_back(database)
    assert people.rows(CONTENT) == before
    kept = database.kept_rows()[-1]
    assert kept.restored
    assert kept.outcome == put, "what came of it is there after a crash, too"
    with pytest.raises(Refused, match="put back already"):
        put_back(database)


def test_a_dropped_column_comes_back_by_key(people: Fresh) -> None:
    values = "select md5(string_agg(doc::text || coalesce(mood::text, '-'), ',' order by id)) from people"
    before = people.rows(values)
    database = put_in(people, "alter table if exists people drop column if exists doc, drop column mood cascade;")
    with pytest.raises(Refused, match=r"no column (mood, doc|doc, mood)"):
        put_back(database)
    people.run("alter table people add column mood mood, add column doc jsonb")
    assert put_back(database)[0].put == 300
    assert people.rows(values) == before


def test_rows_that_go_by_a_foreign_key_are_kept_too(people: Fresh) -> None:
    people.run(
        "create table orders (id int primary key, person bigint references people on delete cascade)",
        "insert into orders select g, g from generate_series(1, 100) g",
    )
    database = put_in(people, "delete from people where id = 3;")
    assert people.rows("select count(*) from orders") == [(99,)]
    put_back(database)
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


def test_only_the_rows_that_go_are_locked_and_not_one_write_is_missing(people: Fresh) -> None:
    tries = list[str]()
    notes = Notes()

    def write(step: Mapping[str, Json]) -> None:
        with people.connect() as other:
            other.execute("set lock_timeout = '300ms'")
            for statement in (
                "insert into people (name) values ('new')", "update people set name = 'seen' where id = 299",
                "update people set name = 'late' where id = 3",
            ):
                try:
                    other.execute(statement)
                    tries.append("went on")
                except LockNotAvailable:
                    tries.append("waited")

    notes.at_progress = lambda step: write(step) if step["statement"] == 2 and not tries else None
    database = put_in(people, "delete from people where id <= 40; select 1;", notes)
    assert tries == ["went on", "went on", "waited"]
    found: list[Any] = [kept["kept"] for kind, kept in notes.noted if kind == "kept"]
    assert [kept[0]["rows"] for kept in found] == [40]
    put_back(database)
    assert people.rows("select count(*) from people where name = 'new' or name = 'seen'") == [(2,)]
    assert people.rows("select count(*) from people where id <= 40") == [(40,)]


def test_a_row_that_comes_in_between_copy_and_statement_is_kept_as_well(people: Fresh) -> None:
    notes = Notes()
    notes.at_progress = lambda step: people.run("insert into people (name, code) values ('late', 'gone')") \
        if len(notes.steps) == 1 else None
    database = put_in(people, "delete from people where code = 'gone' or id <= 5;", notes)
    assert people.rows("select count(*) from people where code = 'gone'") == [(0,)]
    assert database.kept_rows()[0].rows == 6
    put_back(database)
    assert people.rows("select name from people where code = 'gone'") == [("late",)]


@pytest.mark.parametrize(("sql", "exact"), [
    ("delete from a where b in (1, 2) and c < now() - interval '1 year'", True),
    ("update a set b = f(c) where lower(c) = 'x' or (d is null and not (e = 1))", True),
    ("delete from a", False),
    ("delete from a where b in (select b from c)", False),
    ("delete from a using c where c.b = a.b", False),
    ("update a set b = 1 from c where c.b = a.b", False),
    ("delete from a where mine.lower(b) = 'x'", False),
    ("delete from a where random() < b", False),
    ("delete from a where odd /* ( */ (b)", False),
    ("delete from a where b = 'select' and c = 'random()'", True),
    ('delete from a where "Odd"(b)', False),
    ("delete from a where b = any (array(table c))", False),
    ("delete from a where current of d", False),
    ("delete from a where exists (values (1))", False),
])
def test_which_conditions_meet_the_same_rows_again(sql: str, exact: bool) -> None:
    [loss] = losses(sql)
    assert loss.exact is exact


def test_a_file_that_sets_a_role_has_its_rows_kept_as_well(people: Fresh) -> None:
    role = f"keeper_{people.name}"
    people.run(
        f"create role {role}", f"grant {role} to postgres with set true, inherit true",
        f"grant select, delete on people to {role}",
    )
    try:
        still = f"do $$ begin assert current_user = '{role}'; end $$"
        database = put_in(people, f"set role {role}; delete from people where id <= 5; {still}")
        assert database.kept_rows()[0].rows == 5
    finally:
        people.run(f"drop owned by {role}", f"drop role {role}")


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
    assert put_back(database)[0].put == 1
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




def test_what_was_written_since_is_never_written_over(people: Fresh) -> None:
    """A row that somebody edited after the promotion keeps what they wrote; the rest gets its old values."""
    database = put_in(people, "update people set name = upper(name), mood = 'well' where id <= 20;")
    people.run("update people set name = 'edited since' where id = 3", "delete from people where id = 4")
    [part] = database.going_back("P-7")
    assert (part.kept, part.put, part.written, part.gone) == (20, 18, 1, 1)
    assert put_back(database) == (part,)
    assert people.rows("select name from people where id = 3") == [("edited since",)]
    assert people.rows("select count(*) from people where mood = 'well'") == [(1,)]
    assert people.rows("select count(*) from people where id = 4") == [(0,)], "it was deleted since, and stays so"
    assert database.kept_rows()[0].outcome == (part,)


def test_a_row_that_took_the_key_of_one_that_went_stays(people: Fresh) -> None:
    database = put_in(people, "delete from people where id <= 10;")
    people.run("insert into people (id, name) overriding system value values (7, 'new')")
    [part] = put_back(database)
    assert (part.put, part.written) == (9, 1)
    assert people.rows("select name from people where id = 7") == [("new",)]


def test_more_than_was_approved_is_not_done(people: Fresh) -> None:
    database = put_in(people, "update people set mood = 'well' where id <= 20;")
    approved = database.going_back("P-7")
    before = people.rows(CONTENT)
    people.run("update people set name = 'since' where id = 5")
    after = people.rows(CONTENT)
    assert before != after
    with pytest.raises(Moved, match="1 was written since and stays as it is"):
        database.put_back("P-7", approved, 3.0, lambda: False)
    assert people.rows(CONTENT) == after
    assert not database.kept_rows()[0].restored


def test_rows_without_a_key_come_back_once(people: Fresh) -> None:
    """The whole table was kept, since a block's words do not tell which rows go: those that stayed stay single."""
    people.run("create table log (said text)", "insert into log select 'line ' || g % 7 from generate_series(1, 50) g")
    content = "select md5(string_agg(said, ',' order by said)) from log"
    before = people.rows(content)
    database = put_in(people, "do $$ begin delete from log where said = 'line 3'; end $$;")
    put_back(database)
    assert people.rows(content) == before


def test_written_over_without_a_key_there_is_nothing_to_tell_rows_apart(people: Fresh) -> None:
    people.run("create table log (said text)", "insert into log values ('a'), ('b')")
    database = put_in(people, "with put as (update log set said = 'x' returning 1) select * from put;")
    with pytest.raises(Refused, match=r"no primary key.*They are in stagedoor_kept\.rows_1"):
        put_back(database)
    assert people.rows("select count(*) from log") == [(2,)]


def test_numbers_go_on_after_the_highest_that_came_back(people: Fresh) -> None:
    database = put_in(people, "truncate people restart identity;")
    put_back(database)
    people.run("insert into people (name) values ('next')")
    assert people.rows("select max(id) from people where name = 'next'") == [(301,)]


def test_a_lock_in_the_way_names_its_holder_and_changes_nothing(people: Fresh) -> None:
    people.run("create table clock (id int primary key)", "insert into clock values (1)")
    database = put_in(people, "delete from clock;")
    approved = database.going_back("P-7")
    with people.connect() as holder:
        holder.autocommit = False
        holder.execute("lock table clock")
        with pytest.raises(Busy, match=r"public\.clock is locked .*held by: pid \d+.*lock table clock"):
            database.put_back("P-7", approved, 0.6, lambda: False)
    people.run("insert into clock values (2)", "alter table clock add constraint no check (id > 1) not valid")
    with pytest.raises(Refused, match="violates check constraint") as refused:
        database.put_back("P-7", approved, 3.0, lambda: False)
    assert not isinstance(refused.value, Busy), "a table called clock is no lock"


def test_a_dump_under_way_holds_up_neither_keeping_nor_putting_back(people: Fresh) -> None:
    """pg_dump holds every table against changes of its shape for as long as it runs, ours too."""
    put_in(people, "delete from people where id = 1;")
    with people.connect() as dump:
        dump.autocommit = False
        dump.execute("lock table stagedoor_kept.batches, people in access share mode")
        database = PostgresDatabase(people.url, "production", BRISK)
        sql = "delete from people where id = 2;"
        second = job(sql, "20260301000001", "20260301000000", keep=True, attempt="P-8.1.1")
        assert isinstance(apply(database, second, Notes()), Done)
        assert put_back(database)[0].put == 1

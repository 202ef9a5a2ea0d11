"""Which files need more approvals: each kind of risk, and a near miss that is none."""

from __future__ import annotations

import pytest

from bot.migrations.risk import risks


@pytest.mark.parametrize(("sql", "said"), [
    ("drop table books;", "drops a table (line 1)"),
    ("-- once\nDROP SCHEMA IF EXISTS old CASCADE;", "drops a schema (line 2)"),
    ('alter table "Books" drop column "a b";', "drops a column (line 1)"),
    ("alter table books drop legacy;", "drops a column (line 1)"),
    ("alter table books drop column if exists legacy, add column x int;", "drops a column (line 1)"),
    ("truncate books;", "empties a table (line 1)"),
    ("delete from books where id < 5;", "deletes rows (line 1)"),
    ("with gone as (delete from books returning *) select 1;", "deletes rows (line 1)"),
    ("update books set sold = 0;", "overwrites every row of a table (line 1)"),
    ("alter table books alter column sold type smallint;", "changes a column's type, which may cut its data (line 1)"),
    ("grant select on books to anon;", "grants rights to anon, authenticated or PUBLIC (line 1)"),
    ("grant all on all tables in schema public to service_role, authenticated;",
     "grants rights to anon, authenticated or PUBLIC (line 1)"),
    ("alter table books disable row level security;", "takes row level security off (line 1)"),
    ("do $$ begin\n drop table books; end $$;", "drops a table, in a DO block (line 1)"),
])
def test_counts_as_a_risk(sql: str, said: str) -> None:
    assert said in risks(sql.encode())


@pytest.mark.parametrize("sql", [
    "create table books (id int);",
    "alter table books drop constraint c;",
    "alter table books alter column a drop default;",
    "alter table books alter column a drop not null;",
    "drop index books_title;",
    "drop policy p on books;",
    "comment on table books is 'drop table books; delete from books';",
    "update books set sold = 0 where id = 1;",
    "grant select on books to service_role;",
    "alter table books enable row level security;",
    "create type mood as enum ('delete from');",
    "-- drop table books\nselect 1;",
    "insert into log values ('truncate books');",
    "create policy new_policy on my_table for select using (true);",
])
def test_near_misses(sql: str) -> None:
    assert risks(sql.encode()) == ()

"""What cannot be read counts as destructive until a staging run has shown what it did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.domain.catalog import Snapshot
from bot.domain.evidence import Evidence, Staged
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.risks import Ran, Unread
from bot.domain.way_back import Schema, WayBack
from bot.evidence.proofs import with_unread
from bot.migrations.catalog.checklist import checklist
from bot.migrations.catalog.showing import NOTHING, PERHAPS, UNSEEN, showing
from bot.migrations.checking import analyse, judge, risks
from bot.migrations.database import PostgresDatabase
from bot.ports import Done
from bot.runbooks.proving import told_of_unread
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK, Notes, apply, job
from tests.postgres import Fresh, fresh_database

EMPTY = Snapshot(server=170000, objects={})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = """
create schema public;
grant usage on schema public to anon, authenticated;
create table books (id bigint primary key, title text, sold bigint default 0);
insert into books select n, 'a' from generate_series(1, 5) n;
create table notes (book bigint references books deferrable initially deferred, text text);
create table codes (code text, old text);
grant select, insert on books to authenticated;
alter table books enable row level security;
create function seed(many int) returns void language sql as
  'insert into notes select 1, ''x'' from generate_series(1, many)';
create function rename_all() returns void language sql as 'update books set title = ''b'' where id < 4';
create function forget() returns void language sql as 'delete from notes';
create function clear(which regclass) returns void language plpgsql as
  $$ begin execute format('truncate %s', which); end $$;
create function away(which regclass) returns void language plpgsql as
  $$ begin execute format('drop table %s', which); end $$;
create function wipe() returns trigger language plpgsql as $$ begin delete from codes; return null; end $$;
create function nothing() returns int language sql as 'select 1';
create function person() returns void language sql as 'insert into auth.users (id) values (gen_random_uuid())';
create function large() returns oid language sql as 'select lo_create(0)';
"""
DO = "do $$ begin\n  execute 'alter ' || 'table books {}';\nend $$;"

HARMLESS = {
    "select seed(3);": "put 3 rows into notes",
    "select seed(1); select seed(2);": "put 1 row into notes; put 2 rows into notes",
    "create table new (id int); alter table new enable row level security;\ndo $$ begin execute '' || 'insert into new "
    "values (1)'; execute '' || 'delete from new'; end $$;": "filled a table that the file makes",
    "create table new (id int); alter table new enable row level security;\nselect seed(1);": "put 1 row into notes",
    DO.format("add column pages int"): "changed definitions, without losing data or opening access",
    "do $$ begin if exists (select from books) then perform seed(2); end if; end $$;": "put 2 rows into notes",
}
HARMFUL = {
    "select rename_all();": "updated 3 rows of books",
    "select seed(2);\nselect forget();": "deleted 2 rows of notes",
    "select clear('codes');": "emptied or rewrote codes",
    "alter table codes alter old type uuid using null; do $$ begin execute '' || 'truncate codes'; end $$;":
        "emptied or rewrote codes",
    "select away('codes');": "dropped codes; changed definitions, in a file that loses the rows of codes",
    DO.format("drop column sold"): "changed definitions, in a file that loses the values of books.sold",
    DO.format("alter title type text using upper(title)"): "emptied or rewrote books",
    "do $$ begin execute '' || 'grant select on books to anon'; end $$;":
        "changed definitions, in a file that changes who may do what",
    "do $$ begin execute '' || 'alter table books disable row level security; create policy p on books to "
    "authenticated using (true)'; end $$;": "changed definitions, in a file that changes who may do what",
    "select person();": "writes to auth.users",
    "do $$ begin execute '' || 'grant select on auth.users to anon'; end $$;": "alters auth.users",
    "do $$ begin execute '' || 'insert into supabase_migrations.schema_migrations (version) values (9)'; end $$; "
    "select seed(1);": "writes to supabase_migrations.schema_migrations",
    "do $$ begin execute '' || 'create role anybody'; end $$;": "changes roles or what belongs to the whole server",
    "select large();": "changes large objects",
    "create constraint trigger t after insert on notes deferrable initially deferred for each row execute function "
    "wipe(); insert into codes values ('a'); select seed(1);": "deleted 1 row of codes at the end of the file",
    "select nothing();": NOTHING,
    "select nothing(); select seed(1);": f"put 1 row into notes; another statement of the line {NOTHING}",
    "do $$ begin if exists (select from books where id > 5) then perform forget(); end if; end $$;": NOTHING,
}


@pytest.fixture(scope="module")
def shop(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as fresh:
        yield fresh


def remade(shop: Fresh) -> None:
    shop.run("drop schema public cascade", "drop schema if exists supabase_migrations cascade")
    shop.run("drop role if exists anybody", *SHOP.strip().split(";\n"))


@cache
def known() -> dict[str, tuple[Unread, ...]]:
    """What cannot be read of every case, found in one go."""
    cases = [*HARMLESS, *HARMFUL]
    analyses = analyse([(f"{number}_x.sql", sql.encode()) for number, sql in enumerate(cases)])
    return {sql: risks(judge([one]).findings).unread for sql, one in zip(cases, analyses, strict=True)}


def unread_of(sql: str) -> tuple[Unread, ...]:
    return known().get(sql) or risks(judge(analyse([("1_x.sql", sql.encode())])).findings).unread


def ran(shop: Fresh, sql: str) -> tuple[Ran, ...]:
    """A staging run of this one file: what it showed of its unread lines."""
    remade(shop)
    staging = PostgresDatabase(shop.url, "staging", BRISK)
    unread = unread_of(sql)
    assert unread
    before = staging.catalog()
    done = apply(staging, job(sql, witness=True, unread=tuple(each.line for each in unread)), Notes())
    assert isinstance(done, Done), done
    return showing(unread, done.seen, before, staging.catalog())


@pytest.mark.parametrize("sql", HARMLESS)
def test_what_only_adds_is_shown_to_be_harmless(shop: Fresh, sql: str) -> None:
    shown = ran(shop, sql)
    assert all(each.harmless for each in shown), shown
    assert {each.did for each in shown} == {HARMLESS[sql]}


@pytest.mark.parametrize("sql", HARMFUL)
def test_what_destroys_opens_or_does_nothing_stays_destructive(shop: Fresh, sql: str) -> None:
    shown = ran(shop, sql)
    assert not any(each.harmless for each in shown[-1:]), shown
    assert HARMFUL[sql] in shown[-1].did


def test_what_nobody_looked_at_is_not_shown(shop: Fresh) -> None:
    shown = ran(shop, "select seed(3);")
    [place] = unread_of("select seed(3);")
    assert showing([place], {}, None, None) == (
        Ran(line=1, did=UNSEEN, harmless=False, stays=(PERHAPS,)),
    )
    assert shown[0].harmless


EMPTIED = {
    "insert into codes values ('a'); truncate codes; insert into codes values ('b');": ["public.codes"],
    "alter table books alter sold type numeric; insert into books values (6, 'f', 1);": None,
    "create table new (id int); insert into new values (1), (2); truncate new;": None,
    "delete from codes;": None,
}


@pytest.mark.parametrize("sql", EMPTIED)
def test_tables_that_a_run_emptied_are_seen(shop: Fresh, sql: str) -> None:
    remade(shop)
    done = apply(PostgresDatabase(shop.url, "staging", BRISK), job(sql, witness=True), Notes())
    assert isinstance(done, Done), done
    assert done.seen.get("emptied") == EMPTIED[sql]
    assert ("codes emptied" in "\n".join(checklist(EMPTY, EMPTY, done.seen))) == (EMPTIED[sql] is not None)


def test_a_way_back_says_what_unread_lines_leave_of_rows(shop: Fresh) -> None:
    [shown] = ran(shop, "do $$ begin\n  execute '' || 'update books set sold = 1; delete from books where id = 5; "
                        "insert into notes values (1, ''n''); truncate codes';\nend $$;")
    assert shown.lost == ("all rows of codes", "the rows that it deletes from books")
    assert shown.stays == ("overwrites rows of books", "inserts into notes")
    file = PlannedFile(version="1", name="a", filename="1_a.sql", sha256="aa", statements=1, unread=(
        Unread(line=2, said="EXECUTE"),
    ))
    plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=(file,))
    way = WayBack(version="1", schema=Schema.EXACT, source="draft", down="", lost=("the values of books.old",))
    [told] = with_unread(plan, [way], {"1": (shown,)})
    assert told.lost == (*way.lost, *shown.lost)
    assert told.stays == shown.stays
    [told] = with_unread(plan, [way], {})
    assert told.stays == (PERHAPS,), "nobody saw it run"


@pytest.mark.parametrize(("sha256", "shown"), [("aa", 1), ("bb", 0)])
def test_a_run_of_other_bytes_shows_nothing(sha256: str, shown: int) -> None:
    unread = (Unread(line=1, said="calls f"),)
    file = PlannedFile(version="1", name="a", filename="1_a.sql", sha256="aa", statements=1, unread=unread)
    plan = Plan(project="shop", environment=Environment.PRODUCTION, head=None, files=(file,))
    promotion = Promotion(id="P-1", kind="promotion", plan=plan, requested_by="U0ANA0001", requested_at=NOW)
    run = Staged(sha256=sha256, at=NOW, record="S-1", seconds=1, ran=(Ran(line=1, did="put 1 row", harmless=True),))
    noted: list[tuple[str, Any]] = []
    world = SimpleNamespace(note=lambda kind, data: noted.append((kind, data)))
    evidence = Evidence(plan=plan, gathered=NOW, local={}, target=(), staging=(), staged={"1": run})
    told_of_unread(promotion, evidence, cast(Any, world))
    assert [len(data["1"]) for kind, data in noted] == [1] * shown

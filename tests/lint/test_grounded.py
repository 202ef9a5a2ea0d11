"""What the checks say once they know what the database holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.domain.catalog import Snapshot
from bot.domain.finding import Finding, Level
from bot.migrations.catalog.reading import snapshot
from bot.migrations.checking import Ground, analyse, judge
from bot.migrations.grounded import widened
from rehearsal.postgres import Postgres
from tests.lint.corpus import GROUNDED, NAME, SHOP, Case
from tests.postgres import fresh_database


@pytest.fixture(scope="module")
def catalog(server: Postgres) -> Iterator[Snapshot]:
    with fresh_database(server) as fresh:
        fresh.run(SHOP)
        with fresh.connect() as connection:
            yield snapshot(connection)


def told(sql: str, catalog: Snapshot | None) -> dict[str, Finding]:
    analyses = analyse([(NAME, sql.encode())])
    return {finding.rule: finding for finding in judge(analyses, Ground(catalog=catalog)).findings}


@pytest.mark.parametrize("case", GROUNDED, ids=lambda case: f"{case.rule}: {str(case.fires)[:40]}")
def test_it_fires_and_the_near_miss_does_not(case: Case, catalog: Snapshot) -> None:
    assert case.rule in told(str(case.fires), catalog)
    assert case.rule not in told(str(case.near), catalog)
    assert case.rule not in told(str(case.fires), None), "nobody knows without a database"


@pytest.mark.parametrize(("sql", "users"), [
    ("alter table public.books drop column title", ["policy public.books.readers", "view public.titles"]),
    ("drop table public.books", ["constraint public.tags.tags_book_fkey", "view public.titles",
                                 "perhaps function public.left_in_stock(bigint), whose text names it"]),
    ("alter table public.books drop column stock", ["perhaps function public.left_in_stock(bigint), whose text"]),
])
def test_it_names_what_uses_it(sql: str, users: list[str], catalog: Snapshot) -> None:
    said = told(sql, catalog)["still-used"].why
    assert all(user in said for user in users), said
    assert "books_pkey" not in said, "what is a part of it goes along"


@pytest.mark.parametrize(("sql", "rule", "without", "with_"), [
    ("alter table public.books alter column isbn type varchar(40)", "changing-column-type", "block", "note"),
    ("alter table public.books alter column isbn type varchar(40)", "drop-without-backup", "block", "note"),
    ("alter table public.books alter column isbn type varchar(9)", "drop-without-backup", "block", "block"),
    ("alter table public.books alter column isbn type text using lower(isbn)", "changing-column-type", "block", "block"),
    ("alter table public.books alter column price type numeric(12, 2)", "changing-column-type", "block", "note"),
    ("alter table public.books alter column price type numeric(12, 4)", "changing-column-type", "block", "block"),
    ("alter table public.books alter column stock type bigint", "changing-column-type", "block", "block"),
    ("alter table public.books drop column if exists gone", "drop-without-backup", "block", "note"),
    ("drop table if exists public.gone cascade", "drop-without-backup", "block", "note"),
    ("alter table public.books drop column twice", "drop-without-backup", "block", "note"),
    ("alter table public.books drop column note", "drop-without-backup", "block", "block"),
    ("drop table books", "drop-without-backup", "block", "block"),
    ("drop table if exists public.apart", "drop-without-backup", "block", "block"),
    ("drop table auth.gone", "drop-without-backup", "block", "block"),
    ("alter table public.books rename to gone;\ndrop table gone", "drop-without-backup", "block", "block"),
    ("alter table public.books rename column note to remark", "renaming-column", "block", "warn"),
    ("alter table public.books rename column stock to left_over", "renaming-column", "block", "block"),
    ("create or replace view public.titles as select id, title from public.books", "view-security", "block", "note"),
    ("create or replace view public.safe as select id from public.tags", "view-security", "block", "block"),
    ("create view public.more as select id from public.tags", "view-security", "block", "block"),
    ("drop policy if exists readers on public.books", "rls-off", "warn", ""),
    ("drop policy if exists none on public.loose", "rls-off", "warn", ""),
    ("drop policy if exists all_tags on public.tags", "rls-off", "warn", "block"),
    ("drop policy readers on public.books;\ndrop policy writers on public.books", "rls-off", "warn", "block"),
])
def test_a_level_by_what_is_there(sql: str, rule: str, without: str, with_: str, catalog: Snapshot) -> None:
    assert told(sql, None)[rule].level == Level(without)
    found = told(sql, catalog).get(rule)
    assert (found.level if found else "") == with_, found
    assert not (found and found.level is Level.NOTE and found.destroys), "a note asks for no more people"


@pytest.mark.parametrize(("old", "new", "safe"), [
    ("character varying(20)", "text", True), ("character varying(20)", "character varying", True),
    ("character varying(20)", "character varying(20)", False), ("character varying(20)", "character varying(19)", False),
    ("character varying", "character varying(9)", False), ("numeric(10,2)", "numeric", True),
    ("numeric", "numeric(10,2)", False), ("numeric(10)", "numeric(12)", True), ("integer", "bigint", False),
    ("character varying(20)", "", False), ("text", "character varying(9)", False),
])
def test_what_widens(old: str, new: str, safe: bool) -> None:
    assert widened(old, new) is safe

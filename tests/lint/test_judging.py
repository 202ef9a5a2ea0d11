"""What files say together, what a table's size changes, what comments can silence, and who has to approve."""

from __future__ import annotations

import pytest

from bot.domain.finding import Level, Report
from bot.migrations.checker import checker_version
from bot.migrations.checking import Ground, analyse, judge, risks
from bot.migrations.sql.wire import from_json, to_json

INDEX = "create index if not exists i on public.books (title);"
BLOCKS = "grant usage on schema public to service_role;\nupdate public.books set a = 1;"


def told(*contents: str, ground: Ground | None = None) -> Report:
    files = [(f"2026010100000{number}_x.sql", sql.encode()) for number, sql in enumerate(contents)]
    return judge(analyse(files), ground)


def level(report: Report, rule: str) -> Level | None:
    return next((finding.level for finding in report.findings if finding.rule == rule), None)


@pytest.mark.parametrize(("rows", "expected"), [
    (None, Level.WARN), (200, Level.NOTE), (10_000, Level.NOTE), (50_000, Level.WARN), (20_000_000, Level.BLOCK),
])
def test_an_index_weighs_what_its_table_weighs(rows: int | None, expected: Level) -> None:
    ground = Ground() if rows is None else Ground(sizes={"public.books": rows})
    assert level(told(INDEX, ground=ground), "require-concurrent-index-creation") is expected


@pytest.mark.parametrize(("sql", "expected"), [
    ("alter table public.books add column if not exists author bigint references public.authors (id);", Level.NOTE),
    ("alter table public.books add column if not exists author bigint default 1 references public.authors (id);",
     Level.BLOCK),
    ("alter table public.books add column a bigint references public.authors (id),\n"
     "  add constraint c foreign key (b) references public.authors (id);", Level.BLOCK),
])
def test_a_foreign_key_of_a_new_empty_column_checks_no_row(sql: str, expected: Level) -> None:
    assert level(told(sql, ground=Ground(sizes={"public.books": 20_000_000})), "adding-foreign-key-constraint") is expected


def test_a_table_made_earlier_in_the_set_is_no_lock_risk() -> None:
    made = "create table public.books (title text primary key);\nalter table public.books enable row level security;"
    assert level(told(made, INDEX), "require-concurrent-index-creation") is None
    assert level(told(INDEX, made), "require-concurrent-index-creation") is Level.WARN
    apart = told(made, INDEX, ground=Ground(together=False))
    assert level(apart, "require-concurrent-index-creation") is Level.WARN


def test_a_table_that_may_have_been_there_is_weighed_by_its_rows() -> None:
    made = "create table if not exists public.books (title text primary key);"
    assert level(told(made, INDEX), "require-concurrent-index-creation") is None
    large = Ground(sizes={"public.books": 20_000_000})
    assert level(told(made, INDEX, ground=large), "require-concurrent-index-creation") is Level.BLOCK


def test_row_level_security_may_come_in_a_later_file() -> None:
    made = "create table public.books (title text primary key);"
    assert level(told(made), "rls-missing") is Level.BLOCK
    assert level(told(made, "alter table public.books enable row level security;"), "rls-missing") is None


@pytest.mark.parametrize("before", [
    "create table if not exists public.books (id int);",
    "set search_path = other;\ncreate table books (id int);",
    "do $$ begin if now() > '2020-01-01' then create table public.books (id int); end if; end $$;",
    "create table public.novels (id int);\nalter table public.books rename to volumes;\n"
    "alter table public.novels rename to books;",
])
def test_nobody_can_pretend_that_a_table_is_new(before: str) -> None:
    assert any(finding.destroys for finding in told(before, "drop table if exists public.books;").findings)


def test_dropping_what_the_same_set_made_destroys_nothing() -> None:
    report = told("create table public.scratch (id int primary key);", "drop table public.scratch;")
    assert not any(finding.destroys for finding in report.findings)


def test_a_copy_made_before_is_a_backup_but_more_people_still_approve() -> None:
    report = told("create table private.old as table public.books;\ndrop table if exists public.books;")
    assert level(report, "drop-without-backup") is Level.NOTE
    assert any(finding.destroys for finding in report.findings)
    partly = told("create table private.old as select * from public.books limit 1;\ndrop table if exists public.books;")
    assert level(partly, "drop-without-backup") is Level.BLOCK


def test_what_a_backup_will_hold_is_a_note_that_says_so_but_more_people_still_approve() -> None:
    held = "A backup is taken and proven before it."
    report = told("drop table if exists public.books;", ground=Ground(held=held))
    [finding] = [finding for finding in report.findings if finding.rule == "drop-without-backup"]
    assert (finding.level, finding.destroys) == (Level.NOTE, True)
    assert held in finding.why
    assert "no copy of it is made" not in finding.why


@pytest.mark.parametrize(("comment", "blocks"), [
    ("-- stagedoor: ignore rows-without-where because the table is empty", 0),
    ("-- stagedoor: ignore rows-without-where", 1),
    ("-- stagedoor: ignore if-exists because of another rule", 1),
    ("-- squawk-ignore rows-without-where", 1),
    ("-- squawk-ignore-file", 1),
    ("select '-- stagedoor: ignore rows-without-where because it is a string';", 1),
])
def test_a_block_is_passed_over_with_a_reason_alone(comment: str, blocks: int) -> None:
    report = told(f"{comment}\nupdate public.books set a = 1;")
    assert len([one for one in report.counted(Level.BLOCK) if one.rule == "rows-without-where"]) == blocks
    assert any(finding.destroys for finding in report.findings)


def test_every_ignore_is_told_and_holds_for_one_statement() -> None:
    report = told(
        "-- stagedoor: ignore rows-without-where because it is small\n"
        "update public.a set a = 1;\nupdate public.b set a = 1;"
    )
    assert [(one.line, one.ignored != "") for one in report.findings if one.rule == "rows-without-where"] == [
        (2, True), (3, False),
    ]
    [(file, ignore)] = report.ignores
    assert file == "20260101000000_x.sql"
    assert ignore.reason == "it is small"


def test_squawk_cannot_be_muted_by_its_own_comments() -> None:
    report = told("-- squawk-ignore-file\nalter table public.a rename column b to c;")
    assert level(report, "renaming-column") is Level.BLOCK
    assert report.counted(Level.BLOCK)


@pytest.mark.parametrize("sql", ["select 1;\ncommit;\nselect 2;", "select 'sb_" + "secret_abcdefghijklmnopqrstuv';"])
def test_atomicity_and_secrets_cannot_be_passed_over(sql: str) -> None:
    rules = "-- stagedoor: ignore transaction-control, secrets because I say so\n"
    assert [one for one in told(rules + sql).counted(Level.BLOCK) if not one.waivable]


def test_lines_are_the_files_own() -> None:
    above = "-- é\n\n/* a\nb */\nupdate public.books\nset a = 1;\n\n"
    report = told(above + "do $$\nbegin\n  delete from public.books;\nend\n$$;")
    assert [one.line for one in report.findings if one.rule == "rows-without-where"] == [5, 10]


def test_risks_are_sentences_with_their_lines() -> None:
    said = risks(told("select public.f();\ngrant select on public.books to anon;").findings)
    assert said.known == ("grants SELECT on public.books to anon (line 2)",)
    assert list(map(str, said.unread)) == ["calls public.f (line 1)"]
    assert said.all == (*said.known, *map(str, said.unread))


def test_an_analysis_survives_its_shelf() -> None:
    for analysis in analyse([("20260101000000_x.sql", f"-- squawk-ignore-file\n{BLOCKS}\n{INDEX}".encode())]):
        assert from_json(to_json(analysis)) == analysis


def test_the_checker_has_one_version() -> None:
    assert checker_version() == checker_version()
    assert len(checker_version()) == 16

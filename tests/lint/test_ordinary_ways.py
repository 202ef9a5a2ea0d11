"""How migrations are mostly written, by hand and by the CLI: what is ordinary is not shouted about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.domain.finding import Finding, Level
from bot.migrations.checking import analyse, judge
from bot.migrations.formats import as_json, text


def all_told(files: Sequence[tuple[str, str]], name: str = "20260101000000_x.sql") -> list[list[Finding]]:
    """What a rule says of each file, each judged by itself and all analysed in one go: `(rule, sql)`."""
    analyses = analyse([(name, sql.encode()) for _, sql in files])
    return [
        [one for one in judge([analysis]).findings if one.rule == rule]
        for analysis, (rule, _) in zip(analyses, files, strict=True)
    ]


def told(sql: str, rule: str) -> list[Finding]:
    return all_told([(rule, sql)])[0]


ANEW = [
    ("ban-drop-view", "drop view if exists public.v cascade;", "create view public.v as select 1 as one;"),
    ("ban-drop-trigger", "drop trigger if exists t on books;",
     "create trigger t before update on public.books for each row execute function public.f();"),
    ("ban-drop-function", "drop function if exists public.f(int);",
     "create function public.f(a bigint) returns bigint language sql as 'select 1';"),
    ("ban-drop-constraint", "alter table public.books drop constraint if exists c;",
     "alter table public.books add constraint c check (sold >= 0) not valid;"),
]


def test_what_is_dropped_and_made_anew_is_a_note() -> None:
    ways = [(rule, sql) for rule, drop, make in ANEW for sql in (f"{drop}\n{make}", drop, f"{make}\n{drop}")]
    levels = [[one.level for one in found] for found in all_told(ways)]
    assert levels == [[Level.NOTE], [Level.WARN], [Level.WARN]] * len(ANEW)
    other = "drop view public.v;\ncreate view public.w as select 1 as one;"
    assert [one.level for one in told(other, "ban-drop-view")] == [Level.WARN]


def test_a_unique_constraint_is_told_once() -> None:
    sql = "alter table public.books add constraint books_isbn_key unique (isbn);"
    assert not told(sql, "constraint-missing-not-valid")
    assert len(told(sql, "disallowed-unique-constraint")) == 1
    assert told("alter table public.books add constraint c check (sold >= 0);", "constraint-missing-not-valid")


def test_an_owner_is_told_once_and_postgres_is_none() -> None:
    assert not told("alter table public.books owner to ana;", "ban-revoke")
    assert told("revoke select on public.books from anon;", "ban-revoke")


NAMED = [
    ("drop view public.a cascade;", "cascade", "CASCADE drops", "'public.a'::regclass"),
    ("alter table \"Old\".books drop column a cascade;", "cascade", "CASCADE drops", "'\"Old\".books'::regclass"),
    ("drop function public.f(int) cascade;", "cascade", "CASCADE drops", "proname = 'f'"),
    ("grant execute on function public.f(int) to anon;", "grants", "Grants EXECUTE on the function public.f to anon.", ""),
    ("grant usage on schema shop to anon, authenticated;", "grants",
     "Grants USAGE on the schema shop to anon and authenticated.", ""),
    ("grant all on all tables in schema shop to anon;", "grants", "Grants ALL on all tables in shop to anon.", ""),
    ("grant select on public.books to anon;", "grants", "Grants SELECT on public.books to anon.",
     "ALTER TABLE public.books ENABLE ROW LEVEL SECURITY"),
    ("create extension pg_trgm;", "extension", "The extension pg_trgm goes into public.",
     "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA extensions;"),
    ("create extension if not exists pg_cron;", "extension", "The extension pg_cron has no VERSION",
     "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog VERSION"),
    ("alter table public.a add b text default encode(gen_random_bytes(8), 'hex') not null;", "adding-field-with-default",
     "public.a.b has a default that calls gen_random_bytes, which may", "SET DEFAULT encode(gen_random_bytes(8), 'hex');"),
    ("alter table public.a add b uuid unique;", "disallowed-unique-constraint", "",
     "CREATE UNIQUE INDEX CONCURRENTLY a_b_key ON public.a (b);"),
    ("create table \"Shop\".\"Books\" (id int primary key, \"by\" int references \"Shop\".people);", "foreign-key-index",
     "Shop.Books.by has no index.", "ON \"Shop\".\"Books\" (by);"),
]


def test_a_finding_names_what_it_is_about() -> None:
    found = all_told([(rule, sql) for sql, rule, *_ in NAMED])
    for (sql, _, why, safe), [one] in zip(NAMED, found, strict=True):
        assert one.why.startswith(why), sql
        assert safe in one.safe, sql


SHARED = [
    "create policy p on storage.buckets for select to authenticated using (id = 'pics');",
    "create trigger t after insert on storage.objects for each row execute function public.f();",
    "drop trigger if exists t on storage.objects;",
    "create trigger t after insert on auth.users for each row execute function public.f();",
]


def test_what_the_platform_lets_people_make_there_is_a_note() -> None:
    for [found] in all_told([("platform-schemas", sql) for sql in SHARED]):
        assert found.level is Level.NOTE
        assert "next release" not in found.effect


def test_a_cron_job_is_read_at_its_own_line() -> None:
    [found] = told("select 1;\nselect cron.schedule('n', '0 3 * * *', $$\n  delete from public.logs;\n$$);", "rows-without-where")
    assert (found.line, found.why.partition(":")[0]) == (3, "In a cron job")


def test_a_fixed_search_path_is_what_was_asked_for() -> None:
    assert not told("alter function public.f() set search_path = '';", "ban-alter-function-options")
    assert told("alter function public.f() security definer set search_path = '';", "ban-alter-function-options")


def test_nobody_uses_a_table_that_is_only_made_here() -> None:
    identity = "alter table public.books alter column id add generated by default as identity;"
    assert not told(f"create table if not exists public.books (id bigint not null);\n{identity}", "ban-alter-identity")
    assert told(identity, "ban-alter-identity")


@pytest.mark.parametrize(("name", "says", "runs"), [
    ("20260101000000_add-books.sql", "other signs than a-z", True),
    ("20260101000000_16304369-2899-47ad-9be0-0a96b978b526.sql", "other signs than a-z", True),
    ("0011_plans.sql", "its version is no time", True),
    ("add_books.sql", "passes over files", False),
])
def test_a_name_that_the_cli_takes_is_not_said_never_to_run(name: str, says: str, runs: bool) -> None:
    [found] = [one for one in judge(analyse([(name, b"select 1;")])).findings if one.rule == "file-name"]
    assert found.level is Level.BLOCK
    assert says in found.why
    assert ("never run" in found.effect) is not runs


def test_what_a_dump_says_a_hundred_times_is_counted() -> None:
    grants = "".join(f"grant all on table public.t{number} to anon;\n" for number in range(40))
    blocks = "".join(f"truncate public.t{number};\n" for number in range(9))
    report = judge(analyse([("20260101000000_x.sql", (grants + blocks).encode())]))
    said = text(report, 1)
    assert said.count("Grants ALL on public.t") == 3
    assert "20260101000000_x.sql  warn  grants: 37 more, in lines 4, 5, 6" in said
    assert said.count("Empties public.t") == 9, "each block is written out"
    assert as_json(report, 1).count("Grants ALL on public.t") == 40


DEFINER = "create function public.f({}) returns int language sql security definer as 'select 1';"
VIEW = "create view public.v as select id from public.books;"


MENDED = [
    ("security-definer", DEFINER.format("a int"), "alter function public.f set search_path = '';", 0),
    ("security-definer", DEFINER.format("a int, out b text"), "alter function f(int) set search_path = '';", 0),
    ("security-definer", DEFINER.format("a int"), "alter function public.f(text) set search_path = '';", 1),
    ("security-definer", DEFINER.format("a int"), "alter function public.g(int) set search_path = '';", 1),
    ("security-definer", DEFINER.format("a int") + "\n" + DEFINER.format("a text[]"),
     "alter function public.f(text[]) set search_path = '';", 1),
    ("security-definer", DEFINER.format("a int"), "do $$ begin if exists (select 1 from public.b) then alter function "
     "public.f(int) set search_path = ''; end if; end $$;", 1),
    ("view-security", VIEW, "alter view public.v set (security_invoker = on);", 0),
    ("view-security", VIEW, "alter view public.v set (security_invoker = off);", 1),
    ("view-security", VIEW, "alter view public.w set (security_invoker = on);", 1),
]


def test_the_safe_form_in_the_same_file_is_taken() -> None:
    after = all_told([(rule, f"{made}\n{mend}") for rule, made, mend, _ in MENDED])
    assert [len([one for one in found if "loses" not in one.why]) for found in after] == [left for *_, left in MENDED]
    assert all(all_told([(rule, f"{mend}\n{made}") for rule, made, mend, _ in MENDED])), "it is not there yet"


def test_everything_that_joins_realtime_is_told() -> None:
    assert told("create publication supabase_realtime for all tables;", "realtime")[0].why.startswith("Every table joins")
    assert told("alter publication supabase_realtime add tables in schema shop;", "realtime")[0].why.startswith(
        "Every table of shop joins realtime, also those made later")
    assert not told("alter publication supabase_realtime drop tables in schema shop;", "realtime")


def test_a_password_that_is_hashed_here_is_one_all_the_same() -> None:
    seed = "insert into auth.users (email, encrypted_password) values ('x@example.com', crypt({}, gen_salt('bf')));"
    assert told(seed.format("'correct horse'"), "secrets")
    assert not told(seed.format("new.password"), "secrets")
    assert not told(seed.format("'your-password'"), "secrets")

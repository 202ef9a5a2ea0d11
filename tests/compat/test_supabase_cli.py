"""The Supabase CLI and Stagedoor on the same databases: each takes what the other did for its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bot.domain.migration import Match
from bot.migrations import history
from bot.migrations.database import PostgresDatabase
from bot.migrations.files import FolderMigrations
from bot.ports import Done, Job
from rehearsal.postgres import Postgres
from tests.compat.cli import CliFailed, SupabaseCli
from tests.migrations.conftest import Notes
from tests.postgres import Fresh, fresh_database
from tests.stories.house import BO, FEATURE, House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROWS = "select version, name, statements from supabase_migrations.schema_migrations order by version"

HARD = {
    "functions": """
create function total(a int, b int) returns int language plpgsql as $$
begin
  -- a comment; with a semicolon
  return a + b; -- and one here
end;
$$;
create function quoted() returns text language plpgsql as $body$ begin return $$in;side$$; end $body$;
create function atomic(a int) returns int language sql begin atomic select a; select case when a > 1 then 2 end; end;
""",
    "blocks": "do $$ begin perform 1; perform 2; end $$;\ndo $x$ begin execute 'select 1; select 2'; end $x$;\n",
    "comments": """-- Migration: a title; with a semicolon
/* a block; /* nested; */ still inside; */ create table c1 (id int); -- after it
--
-- alone; on its line
create table c2 (id int /* inside; */);
-- the end; has no statement
""",
    "quotes": """
create table "se;mi" ("co;lumn" text default 'a;''b', e text default E'back\\\\slash\\';x');
insert into "se;mi" values ('--not a comment', E'\\\\'), ('/* nor this */', $$;$$), ('$', '$x$');
comment on table "se;mi" is $c$what's; here$c$;
""",
    "crlf": "create table w1 (id int);\r\n-- two\r\ncreate table w2 (\r\n  id int\r\n);\r\n",
    "transaction": "-- Migration: x\nBEGIN;\ncreate table b1 (id int);\ncreate table b2 (id int);\nCOMMIT;\n",
    "mark": "\ufeffcreate table m1 (id int);\ncreate table m2 (id int);\n",
    "größe_名前": "create table größe (名前 text);\ninsert into größe values ('é\u00a0');\ncreate table ende (id int)",
    "empty_ends": ";;\n\ncreate table e1 (id int);;\n;\n  \t\ncreate table e2 (id int)\n;;",
    "rules": "create table r1 (id int); create table r2 (id int);\n"
             "create rule twice as on insert to r1 do also (delete from r2; insert into r2 select 1);\n",
    "operators": "select 1 - -1, 2 /* ; */ * 3, 'a'||'b', (array[1,2])[1], '{}'::jsonb -> 'a';\nselect 4 as a$b;\n",
}


def laid_out(folder: Path, files: dict[str, str]) -> Path:
    """A project of the CLI's with these files, one version after the other."""
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    for number, (name, sql) in enumerate(files.items(), 1):
        (migrations / f"{20260101000000 + number}_{name}.sql").write_bytes(sql.encode())
    return folder


@pytest.fixture
def another(server: Postgres) -> Iterator[Fresh]:
    with fresh_database(server) as another:
        yield another


def put_in(url: str, folder: Path) -> PostgresDatabase:
    """Everything in the folder, as a promotion would."""
    database, head = PostgresDatabase(url), None
    with database.applier() as applier:
        for file in FolderMigrations(folder / "supabase" / "migrations").read().migrations:
            job = Job(
                attempt="P-1.1.1", version=file.version, name=file.name, content=file.content, head=head,
                lock_timeout=3, statement_timeout=30,
            )
            outcome = applier.apply(job, Notes())
            assert isinstance(outcome, Done), (file.filename, outcome)
            head = file.version
    return database


def test_both_cut_and_record_the_same_files_alike(
    tmp_path: Path, cli: SupabaseCli, database: Fresh, another: Fresh,
) -> None:
    folder = laid_out(tmp_path, HARD)
    cli.push(folder, database.url)
    put_in(another.url, folder)
    theirs, ours = database.rows(ROWS), another.rows(ROWS)
    assert len(theirs) == len(HARD)
    for (version, name, statements), own in zip(theirs, ours, strict=True):
        assert own == (version, name, statements), name
    files = FolderMigrations(folder / "supabase" / "migrations").read().migrations
    pushed = PostgresDatabase(database.url).history()
    assert [history.match(file, row) for file, row in zip(files, pushed, strict=True)] == [Match.SAME] * len(HARD)


def test_a_rule_that_the_cli_cuts_in_two_goes_in_whole_with_us(
    tmp_path: Path, cli: SupabaseCli, database: Fresh,
) -> None:
    """The one difference that is known: the CLI does not count parentheses, so it cannot push such a file at all."""
    nested = "create rule twice as on insert to r1 do also (insert into r1 values (1); insert into r1 values (2))"
    folder = laid_out(tmp_path, {"nested": f"create table r1 (id int); {nested};"})
    with pytest.raises(CliFailed, match="syntax error"):
        cli.push(folder, database.url)
    put_in(database.url, folder)
    assert database.rows(ROWS)[0][2] == ["create table r1 (id int)", nested]
    assert "up to date" in cli.push(folder, database.url, "--dry-run")


def test_the_cli_takes_what_we_put_in_for_its_own_and_goes_on_from_there(
    tmp_path: Path, cli: SupabaseCli, database: Fresh,
) -> None:
    folder = laid_out(tmp_path, {"one": "create table t1 (id int);", "two": "create table t2 (id int);"})
    ours = put_in(database.url, folder)
    assert "up to date" in cli.push(folder, database.url, "--dry-run")
    listed = cli.migrations(folder, database.url)
    assert [(row["local"], row["remote"]) for row in listed] == [
        ("20260101000001", "20260101000001"), ("20260101000002", "20260101000002"),
    ]
    (folder / "supabase" / "migrations" / "20260101000003_three.sql").write_text("create table t3 (id int);")
    cli.push(folder, database.url)
    assert [row.version[-1] for row in ours.history()] == ["1", "2", "3"]
    (folder / "supabase" / "migrations" / "20260101000004_four.sql").write_text("create table t4 (id int);")
    job = Job(
        attempt="P-2.1.1", version="20260101000004", name="four", content=b"create table t4 (id int);",
        head="20260101000003", lock_timeout=3, statement_timeout=30,
    )
    with ours.applier() as applier:
        assert isinstance(applier.apply(job, Notes()), Done)
    assert "up to date" in cli.push(folder, database.url)


def test_after_a_promotion_through_slack_the_cli_agrees(
    tmp_path: Path, cli: SupabaseCli, house: Callable[..., House],
) -> None:
    h = house()
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "migrations").symlink_to(h.migrations)
    for address in (h.staging, h.production):
        assert "up to date" in cli.push(tmp_path, address, "--dry-run")
        assert "up to date" in cli.push(tmp_path, address)
        assert all(row["local"] == row["remote"] for row in cli.migrations(tmp_path, address))


def test_after_a_rollback_the_cli_agrees_once_its_file_is_there(
    tmp_path: Path, cli: SupabaseCli, house: Callable[..., House],
) -> None:
    h = house()
    h.only(FEATURE)
    card = h.ready_to_approve()
    h.presses(BO, card, "Approve")
    h.reads(card, "Done · in production")
    h.presses(BO, card, "Roll back")
    h.until(lambda: h.slack.modal(BO), "the modal")
    h.slack.submit(BO, values={"severity": "major", "reason": "it broke"})
    h.reads("R-1", "P-1 is rolled back")
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "migrations").symlink_to(h.migrations)
    h.write("20261101123000_later.sql", "create table later (id int);")
    for address in (h.staging, h.production):
        listed = [(row["local"], row["remote"]) for row in cli.migrations(tmp_path, address)]
        assert listed[-3:-1] == [(FEATURE, FEATURE), ("20261101120001", "20261101120001")]
        assert listed[-1][0] == "20261101123000"
        assert not listed[-1][1]
        assert "20261101123000_later.sql" in cli.push(tmp_path, address), "what was pending stays in order"
        assert "up to date" in cli.push(tmp_path, address)
    back = next(h.migrations.glob("*_rollback_*.sql"))
    text = back.read_text()
    back.unlink()
    with pytest.raises(CliFailed, match="20261101120001"):
        cli.push(tmp_path, h.production)
    back.write_text(text)
    [rows] = [row for row in database_rows(h.production) if row[0] == "20261101120001"]
    assert rows[1] == "rollback_add_feature_xyz"


def database_rows(address: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address) as connection:
        return connection.execute(ROWS).fetchall()

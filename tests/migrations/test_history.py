"""The history table in all the shapes that programs have left it in, and how its rows compare with files."""

from __future__ import annotations

import pytest

from bot.domain.migration import Applied, Match, Migration
from bot.errors import Unreachable
from bot.migrations.database import PostgresDatabase
from bot.migrations.history import difference, match, stored
from bot.ports import Done
from tests.migrations.conftest import Notes, apply, job
from tests.postgres import Fresh


def file(content: str | bytes) -> Migration:
    raw = content if isinstance(content, bytes) else content.encode()
    return Migration(version="1", name="a", filename="1_a.sql", content=raw)


def row(*statements: str) -> Applied:
    return Applied(version="1", name="a", statements=statements)


@pytest.mark.parametrize(("content", "statements", "verdict"), [
    ("select 1;\nselect 2;\n", ("select 1", "select 2"), Match.SAME),
    ("select 1;\nselect 2;\n", ("select 1;\nselect 2;",), Match.SAME),  # the dashboard stores a file as one element
    ("select 1;\nselect 2;\n", ("\ufeffselect 1", "select 2"), Match.SAME),
    ("select\r\n1;", ("select\n1",), Match.SAME),
    ("", (), Match.SAME),
    ("begin; select 1; commit;", ("begin", "select 1", "commit"), Match.SAME),
    ("select 1; select 3", ("select 1", "select 2"), Match.EDITED),
    ("select 1", ("select 1", "select 2"), Match.EDITED),
    ("select 1; -- new word", ("select 1",), Match.EDITED),
    (b"select '\xff'", ("select '\ufffd'",), Match.SAME),
])
def test_a_row_and_its_file(content: str | bytes, statements: tuple[str, ...], verdict: Match) -> None:
    assert match(file(content), row(*statements)) is verdict


def test_a_row_without_statements_cannot_tell() -> None:
    assert match(file("select 1"), Applied(version="1", name="", statements=None)) is Match.CANNOT_TELL


def test_the_difference_shows_what_changed() -> None:
    assert difference(file("select 1;\nselect 3;"), row("select 1", "select 2")).splitlines() == [
        "--- applied", "+++ 1_a.sql", "@@ -1,2 +1,2 @@", " select 1;", "-select 2;", "+select 3;",
    ]


def test_what_is_stored_keeps_the_files_own_begin_and_commit() -> None:
    assert stored(b"BEGIN;\nselect 1;\nCOMMIT;\n") == ("BEGIN", "select 1", "COMMIT")


def test_no_table_is_an_empty_history(production: PostgresDatabase) -> None:
    assert production.history() == ()


def test_rows_come_in_the_order_of_their_versions_as_text(fresh: Fresh, production: PostgresDatabase) -> None:
    fresh.run(
        "create schema supabase_migrations",
        "create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text,"
        " created_by text, idempotency_key text unique, rollback text[])",
        "insert into supabase_migrations.schema_migrations (version, name, statements, created_by) values"
        " ('10', 'b', '{x,null}', 'ana'), ('9', null, null, null), ('abc', 'c', '{}', null), ('020', 'd', '{}', null)",
    )
    assert production.history() == (
        Applied(version="020", name="d", statements=()),
        Applied(version="10", name="b", statements=("x", "")),
        Applied(version="9", name="", statements=None),
        Applied(version="abc", name="c", statements=()),
    )


def test_a_table_of_the_first_clis_is_read_and_completed_when_a_file_goes_in(
    fresh: Fresh, production: PostgresDatabase, notes: Notes,
) -> None:
    fresh.run(
        "create schema supabase_migrations",
        "create table supabase_migrations.schema_migrations (version text not null primary key)",
        "insert into supabase_migrations.schema_migrations values ('1')",
    )
    assert production.history() == (Applied(version="1", name="", statements=None),)
    assert isinstance(apply(production, job("select 2", version="2", head="1"), notes), Done)
    assert production.history() == (
        Applied(version="1", name="", statements=None), Applied(version="2", name="add", statements=("select 2",)),
    )


def test_a_server_that_does_not_answer_is_unreachable_and_its_password_stays_secret() -> None:
    database = PostgresDatabase("postgresql://postgres:hush-hush@127.0.0.1:1/postgres", "staging")
    with pytest.raises(Unreachable, match="staging does not answer: ") as caught:
        database.history()
    assert "hush" not in str(caught.value)
    with pytest.raises(Unreachable, match="not a valid Postgres address") as caught:
        PostgresDatabase("postgresql://postgres:hush-hush@[bad", "staging").identity()
    assert "hush" not in str(caught.value)

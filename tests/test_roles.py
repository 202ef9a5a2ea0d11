"""docs/roles: the roles suffice for a promotion, and may no more than the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bot.migrations.database import PostgresDatabase
from rehearsal.postgres import Postgres
from tests.postgres import Fresh, embedded_server, fresh_database
from tests.stories.house import BO, FEATURE, SUBTITLE, UNCHECKED, House

ROLES = Path(__file__).parent.parent / "docs" / "roles"
PASSWORD = "made-up"
FILES = ("production.sql", "staging.sql", "reader.sql")


def execute(database: Fresh, file: str, user: str = "supabase_admin") -> None:
    with database.connect(user) as connection:
        connection.execute((ROLES / file).read_text().encode())


def admin(server: Postgres, *statements: str) -> None:
    with psycopg.connect(server.url("postgres", "supabase_admin"), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def address(url: str, user: str) -> str:
    return re.sub(r"//[^@]+@", f"//{user}:{PASSWORD}@", url)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """A server whose roles nobody else sees."""
    with embedded_server() as server:
        yield server


@pytest.fixture
def fresh(own_server: Postgres) -> Iterator[Fresh]:
    with fresh_database(own_server) as fresh:
        yield fresh
    admin(own_server, "drop role if exists stagedoor", "drop role if exists stagedoor_reader")


@pytest.fixture
def prepared(fresh: Fresh) -> Fresh:
    for file in FILES:
        execute(fresh, file, "postgres" if file == "reader.sql" else "supabase_admin")
    admin(fresh.server, *(f"alter role {name} password '{PASSWORD}'" for name in ("stagedoor", "stagedoor_reader")))
    return fresh


def as_role(database: Fresh, user: str) -> psycopg.Connection:
    return psycopg.connect(address(database.url, user), autocommit=True)


@pytest.mark.parametrize("file", FILES)
def test_running_it_again_changes_nothing(prepared: Fresh, file: str) -> None:
    state = (
        "select oid::text, rolname, rolconfig::text from pg_roles where rolname like 'stagedoor%' order by 1",
        "select pg_auth_members::text from pg_auth_members order by 1",
        "select oid::text, relacl::text from pg_class order by 1",
    )
    before = [prepared.rows(query) for query in state]
    execute(prepared, file, "postgres" if file == "reader.sql" else "supabase_admin")
    assert [prepared.rows(query) for query in state] == before


def test_staging_and_production_differ_in_words_alone() -> None:
    one, two = ((ROLES / file).read_text() for file in FILES[:2])
    bodies = [re.sub(r"(?m)^--.*\n", "", text) for text in (one, two)]
    assert bodies[0] == bodies[1]


def test_a_whole_promotion_by_it(house: Callable[..., House]) -> None:
    h = house(start=False, policy=UNCHECKED)
    try:
        for url, file in ((h.staging, "staging.sql"), (h.production, "production.sql")):
            name = url.rpartition("/")[2]
            execute(Fresh(h.postgres, name), file)
        admin(h.postgres, f"alter role stagedoor password '{PASSWORD}'")
        h._given |= {
            "STAGING_DATABASE_URL": address(h.staging, "stagedoor"),
            "PRODUCTION_DATABASE_URL": address(h.production, "stagedoor"),
        }
        h.only(FEATURE, SUBTITLE)
        h.write("20261101130000_leaves_a_role.sql", "create table before_it (id int);\nset role anon;\n")
        h.write("20261101131000_after_it.sql", "create table after_it (id int);\ncreate schema more;\n")
        h.start_bot()
        card = h.ready_to_approve()
        h.presses(BO, card, "Approve")
        h.reads(card, "Done · in production")
        assert h.history()[-1] == "20261101131000"
        owners = h.production_rows(
            "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'public'::regnamespace"
            " or relnamespace = 'supabase_migrations'::regnamespace",
        )
        assert owners == [("postgres",)]
    finally:
        h.end_bot()


def test_by_itself_it_may_nothing(prepared: Fresh) -> None:
    prepared.run("create table public.kept (id int)")
    with as_role(prepared, "stagedoor") as connection:
        assert connection.execute("select session_user, current_user").fetchone() == ("stagedoor", "postgres")
        connection.execute("set role none")
        for statement in (
            "create table public.mine (id int)", "alter table public.kept add column a int",
            "select * from public.kept", "select * from auth.users", "create schema mine", "create database mine",
            "create role mine",
            "select * from supabase_migrations.schema_migrations",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_it_gets_no_further_than_postgres(prepared: Fresh) -> None:
    with as_role(prepared, "stagedoor") as connection:
        assert connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() == (False,)
        for statement in (
            "set role supabase_admin", "alter role stagedoor superuser", "alter role postgres superuser",
            "grant postgres to anon", "alter system set work_mem to '1GB'", "copy (select 1) to program 'true'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        # And what the page says plainly: as postgres it may what postgres may.
        connection.execute("select * from auth.users")


def test_the_reader_suffices_for_status_and_reads_nothing_else(prepared: Fresh) -> None:
    prepared.run(
        "create table public.kept (id int)",
        "insert into supabase_migrations.schema_migrations (version, name) values ('20260101000000', 'one')",
    )
    database = PostgresDatabase(address(prepared.url, "stagedoor_reader"))
    assert [row.version for row in database.history()] == ["20260101000000"]
    assert "as stagedoor_reader" in database.identity()
    assert database.leftovers() == ()
    with as_role(prepared, "stagedoor_reader") as connection:
        for statement in (
            "select * from public.kept", "select * from auth.users", "set role postgres",
            "insert into supabase_migrations.schema_migrations (version) values ('1')", "create schema mine",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                connection.execute(statement.encode())
        connection.execute("set default_transaction_read_only to off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into supabase_migrations.schema_migrations (version) values ('1')")


def test_the_reader_is_made_by_postgres_before_the_first_migration(fresh: Fresh) -> None:
    execute(fresh, "reader.sql", "postgres")
    assert fresh.rows("select count(*) from supabase_migrations.schema_migrations") == [(0,)]


def test_where_postgres_cannot_be_granted_it_says_so_and_leaves_nothing(fresh: Fresh) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="Only a superuser can grant postgres") as caught:
        execute(fresh, "production.sql", "postgres")
    assert "hosted Supabase" in str(caught.value.diag.message_hint)
    assert fresh.rows("select count(*) from pg_roles where rolname = 'stagedoor'") == [(0,)]


def test_a_role_that_may_more_already_is_not_taken(fresh: Fresh) -> None:
    admin(fresh.server, "create role stagedoor login createdb")
    with pytest.raises(psycopg.errors.RaiseException, match="may more than this file gives it"):
        execute(fresh, "production.sql")

"""How large production's tables are, as far as Postgres knows without counting."""

from __future__ import annotations

from bot.migrations.database import PostgresDatabase
from tests.postgres import Fresh


def test_rows_as_the_planner_knows_them_and_bytes_where_it_does_not(database: Fresh) -> None:
    with database.connect() as connection:
        connection.execute("create table known (id int); insert into known select generate_series(1, 5000)")
        connection.execute("analyze known")
        connection.execute("create table unseen (id int) with (autovacuum_enabled = off)")
        connection.execute("insert into unseen select generate_series(1, 5000)")
        connection.execute("create table nothing (id int)")
        connection.execute("create table parted (id int) partition by range (id)")
        connection.execute("create table part_1 partition of parted for values from (0) to (1000)")
        connection.execute("create table part_2 partition of parted for values from (1000) to (9000)")
        connection.execute("insert into parted select generate_series(1, 3000); analyze part_1; analyze part_2")
    sizes = PostgresDatabase(database.url).sizes()
    assert sizes["public.known"] == 5000
    assert 5000 <= sizes["public.unseen"] <= 10_000
    assert sizes["public.nothing"] == 0
    assert sizes["public.parted"] == 3000
    assert not any(name.startswith(("pg_catalog.", "information_schema.")) for name in sizes)

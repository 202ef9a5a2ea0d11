"""How long do one catalog snapshot and one proof of a way back take, on a schema of 100 tables?

    python bench/catalog.py [TABLES] [ROUNDS]

Each table has five columns, a primary key, an index, a policy and a view that reads it. The proof takes a migration of
five statements back by a draft and applies it again, in one transaction that is rolled back, over a session of its own;
what the SQL itself takes is measured apart, by running the same statements in a plain transaction.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from bot.domain.catalog import Snapshot
from bot.domain.way_back import Change, Schema, WayBack
from bot.migrations.catalog.reading import snapshot
from bot.migrations.catalog.trial import Trial
from bot.migrations.session import Session
from bot.migrations.transaction import statements_to_run
from rehearsal.postgres import Postgres

Found = TypeVar("Found")
AIM_SNAPSHOT, AIM_PROOF = 0.100, 1.0
UP = """
alter table t1 add column more text not null default 'x';
alter table t2 alter column b type bigint;
create index t3_a on t3 (a);
drop policy p on t4;
create or replace function f() returns int language sql as 'select 1';
"""


def furnish(url: str, tables: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(1, tables + 1):
            table = f"t{number}"
            connection.execute(
                f"create table {table} (id bigint generated always as identity primary key, a text not null"
                f" default 'x', b int, c timestamptz default now(), d numeric(10, 2)); create index on {table} (b);"
                f"alter table {table} enable row level security;"
                f"create policy p on {table} for select using (a = 'x');"
                f"create view v{number} as select id, a from {table}"
            )


def plain(url: str, way: WayBack) -> float:
    """The same statements, down and up, without looking at anything."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("begin")
        began = time.perf_counter()
        for text in (way.down.encode(), UP.encode()):
            for statement in statements_to_run(text):
                connection.execute(statement.text.encode())
        took = time.perf_counter() - began
        connection.execute("rollback")
    return took


def main() -> int:
    given = [int(text) for text in sys.argv[1:]]
    tables, rounds = (*given, *(100, 15)[len(given):])
    with Postgres() as server:
        url = server.project("bench")
        furnish(url, tables)
        with psycopg.connect(url, autocommit=True) as connection:
            before = snapshot(connection)
            connection.execute(UP.encode())
            looked = [timed(lambda: snapshot(connection))[0] for _ in range(rounds)]
        proven: list[float] = []
        alone: list[float] = []
        for _ in range(rounds):
            took, way = timed(lambda: prove(url, before))
            proven.append(took)
            alone.append(plain(url, way))
    beyond = statistics.median(proven) - statistics.median(alone)
    print(f"{tables} tables, {rounds} rounds, {len(before.objects)} objects")
    print(f"snapshot  median {statistics.median(looked) * 1000:6.1f} ms, worst {max(looked) * 1000:6.1f} ms")
    print(f"proof     median {statistics.median(proven) * 1000:6.1f} ms, worst {max(proven) * 1000:6.1f} ms")
    print(f"its SQL   median {statistics.median(alone) * 1000:6.1f} ms; beyond it {beyond * 1000:6.1f} ms")
    held = statistics.median(looked) < AIM_SNAPSHOT and beyond < AIM_PROOF
    print(f"aims: snapshot under {AIM_SNAPSHOT * 1000:.0f} ms, proof under {AIM_PROOF:.0f} s beyond its SQL:", end=" ")
    print("held" if held else "not held")
    return 0 if held or tables > 100 else 1


def prove(url: str, before: Snapshot) -> WayBack:
    change = Change(version="1", label="1 bench", up=(UP.encode(),), down=None, before=before)
    with closing(Session.opened(url, "staging", "stagedoor:bench")) as session:
        [way] = Trial(session, {"lock_timeout": 3.0, "statement_timeout": 60.0}).run([change])
    assert way.schema is Schema.EXACT, way.said
    return way


def timed(work: Callable[[], Found]) -> tuple[float, Found]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


if __name__ == "__main__":
    sys.exit(main())

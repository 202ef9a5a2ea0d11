"""What a staging run shows beside the catalog: whether its indexes are used, and whether edge functions answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.adapters.health import HttpHealth
from bot.migrations.catalog.checklist import checklist, touched
from bot.migrations.database import PostgresDatabase
from bot.runbooks import pages, promotion, staging
from bot.runbooks.walker import Walker
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK
from tests.migrations.walking import ANA, Walk, approved
from tests.postgres import Fresh, fresh_database

SQL = "create table t (id int); insert into t select generate_series(1, 5000); create index t_id on t (id);"


def lines(walk: Walk, record: str) -> list[str]:
    [seen] = [entry.data["lines"] for entry in walk.journal.entries(about=record) if entry.kind == "evidence.seen"]
    assert isinstance(seen, list)
    return [str(line) for line in seen]


def test_new_indexes_are_said_to_be_used_once_a_query_used_them(
    tmp_path: Path, server: Postgres, fresh: Fresh,
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_add.sql").write_text(SQL)
    with fresh_database(server) as there, approved(tmp_path, folder, there.url, fresh.url, BRISK) as walk:
        assert "Indexes in use: t_id by no query yet; /migrate stage VERSION asks again" in lines(walk, "S-1")
        there.run("set enable_seqscan = off", "select * from t where id = 7", "select pg_stat_force_next_flush()")
        asked = walk.requests.stage(ANA, walk.project, ("1",), "again").record
        Walker(walk.ports, {"promotion": promotion.RUNBOOK, "staging": staging.RUNBOOK}).walk(asked)
        assert "Indexes in use: t_id in 1 scan" in lines(walk, asked)


class Functions(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path.endswith("/well") else 500)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def functions() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Functions) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/functions/v1"
        server.shutdown()


def test_edge_functions_are_asked(functions: str) -> None:
    def said(*names: str) -> str:
        policy = SimpleNamespace(frontend=SimpleNamespace(staging=[f"{functions}/{name}" for name in names]))
        return pages.functions(cast(Any, SimpleNamespace(policy=policy, ports=SimpleNamespace(health=HttpHealth()))))

    assert said() == ""
    assert said("well") == "Edge functions: 1 answered"
    assert f"could not all be reached: {functions}/broken" in said("well", "broken")


SHOP = """
create table books (id bigint, title text);
insert into books values (1, 'a'), (2, 'b');
create function titles() returns setof text language sql set search_path = public as 'select title from books';
create function zeta() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger zeta before update on books for each row execute function zeta();
"""
CHANGE = """
set check_function_bodies = off;
create function broken() returns text language sql as 'select missing from books';
create function worse() returns int language plpgsql as $$ declare x no_such_type; begin return 1; end $$;
create function fine() returns bigint language plpgsql as $$ begin return (select count(*) from books); end $$;
alter table books drop column title cascade;
create trigger "Audit" before insert or update of id on books for each row execute function zeta();
create trigger last after update on books execute function zeta();
create trigger off before delete on books for each row execute function zeta();
alter table books disable trigger off;
"""


def test_functions_that_do_not_compile_and_the_order_of_triggers_are_told(fresh: Fresh) -> None:
    fresh.run(SHOP)
    staging = PostgresDatabase(fresh.url, "staging", BRISK)
    before = staging.catalog()
    fresh.run(CHANGE)
    after, broken = staging.catalog(), staging.uncompiled()
    counts = staging.counts(touched(before, after, {}))
    told = checklist(before, after, {}, broken, counts)
    functions = next(line for line in told if line.startswith("Functions: "))
    assert 'does not compile: broken(), column "missing" does not exist (42703)' in functions
    assert 'worse(), type "no_such_type" does not exist (42704)' in functions
    assert "fine()," not in functions.partition("does not compile")[2]
    assert "Functions that the files do not touch and that do not compile now: titles(), column" in "\n".join(told)
    assert (
        'Firing order: books BEFORE INSERT: "Audit"; BEFORE UPDATE: "Audit", zeta; '
        "AFTER UPDATE (once a statement): last; switched off: off"
    ) in told
    assert "Rows there now: books 2" in told
    assert staging.catalog().objects == after.objects, "asking changed something"


RENAMED = """
alter table books rename column title to name;
alter table books add column stars int not null default 3, add column seen timestamptz default now();
alter table films rename to movies;
create function stamp() returns trigger language plpgsql as $$ begin return new; end $$;
create function stars() returns int language sql as 'select 3';
"""


def test_what_only_has_another_name_is_not_told_as_gone(fresh: Fresh) -> None:
    fresh.run(SHOP, "create table films (id bigint primary key default 7, title text)")
    staging = PostgresDatabase(fresh.url, "staging", BRISK)
    before = staging.catalog()
    fresh.run(RENAMED)
    told = checklist(before, staging.catalog(), {})
    assert "Tables: ~ films is now movies" in told
    assert "Columns and types: ~ books.title is now books.name, + books.seen, + books.stars" in told
    said = "\n".join(told)
    assert "anon, authenticated and service_role can now execute stars()" in said
    assert "execute stamp()" not in said, "a trigger's function: nobody can call it"


def test_what_could_not_be_asked_is_said(fresh: Fresh) -> None:
    before = PostgresDatabase(fresh.url).catalog()
    fresh.run("create function f() returns int language sql as 'select 1'")
    told = checklist(before, PostgresDatabase(fresh.url).catalog(), {})
    assert "Functions: + f(); could not check whether they compile" in told
    assert "Rows there now: could not count them" in told

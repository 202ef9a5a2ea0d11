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

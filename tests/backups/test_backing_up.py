"""The stage `backup`: a proven dump before anything is destroyed, or production untouched and no half dump left."""

from __future__ import annotations

import os
import resource
import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from bot.domain.backup import Backup
from bot.domain.checklist import State
from bot.errors import Interrupted, Refused
from bot.migrations.backup.backups import PgBackups
from bot.ports import Put
from bot.scrub import Scrubber
from handlers.migrations.promotion_view import PromotionView
from rehearsal.postgres import Postgres
from tests.backups.conftest import DESTRUCTIVE, WHEN, Opens, Quiet, left_in, program
from tests.migrations.walking import Walk
from tests.postgres import Fresh

TITLES = "select column_name::text from information_schema.columns where table_name = 'books' and column_name = 'title'"


def backup_of(walk: Walk, id: str = "BK-1") -> Backup:
    return Backup.of(walk.journal.entries(about=id))


def untouched(walk: Walk, production: Fresh, words: str) -> None:
    """It ended without a backup, says so, and nothing happened."""
    ending = walk.promotion.ending
    assert ending is not None
    assert ending.verdict == "no backup"
    assert words in ending.why
    assert "nothing was begun" in ending.why
    assert production.rows(TITLES) == [("title",)]
    assert not walk.told("apply.attempt")


def test_what_destroys_data_goes_in_after_a_proven_dump(opens: Opens, production: Fresh, backups: PgBackups) -> None:
    walk = opens()
    assert walk.on().stage == "watch"
    assert production.rows(TITLES) == []
    taken = backup_of(walk)
    assert taken.good
    assert taken.promotion == "P-1"
    assert taken.proven is not None
    assert (taken.proven.how, taken.proven.rows) == ("read", 1000)
    assert taken.kept is not None
    kept = Path(taken.kept.file)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert left_in(backups) == [kept.name]
    kinds = [entry.kind for entry in walk.entries]
    assert kinds.index("backup.begun") < kinds.index("backup.held") < kinds.index("apply.attempt")
    assert "proven by reading it whole" in str(walk.told("backup.held")[0]["said"])


def test_a_dump_that_is_old_or_gone_when_it_is_needed_is_taken_anew(opens: Opens, backups: PgBackups) -> None:
    """What is written meanwhile would be in no dump: an hour is as old as one may be when it is needed."""
    walk = opens()
    walk.ports.shelves.put_new("hold", "shop:promotion", {"record": "P-9"})
    assert walk.on().waits_for == "P-9, which is changing the same database"
    walk.later(timedelta(minutes=61))
    walk.ports.shelves.put([Put(shelf="hold", key="shop:promotion", doc=None)])
    walk._on()
    walk.ports.shelves.put_new("hold", "shop:promotion", {"record": "P-9"})
    walk.on()
    assert [told["backup"] for told in walk.told("backup.held")] == ["BK-1", "BK-2"]
    for dump in backups.directory.glob("BK-2_*"):
        dump.unlink()
    walk.ports.shelves.put([Put(shelf="hold", key="shop:promotion", doc=None)])
    assert walk.on().stage == "watch"
    assert [told["backup"] for told in walk.told("backup.held")] == ["BK-1", "BK-2", "BK-3"]
    assert [told["why"].partition(" (")[0] for told in walk.told("backup.lacks")] == [
        "its backup is older than an hour by now", "its backup is not there any more",
    ]


@pytest.mark.parametrize(("sql", "policy", "backed"), [
    ("create table public.more (id int);", WHEN, False),
    ("update public.books set title = 'x' where id = 1;", WHEN, True),
    ("with gone as (delete from public.books where id = 1 returning id) select count(*) from gone;", WHEN, True),
    ("create table public.more (id int);", WHEN.replace("destructive", "always"), True),
    (DESTRUCTIVE, WHEN.replace("destructive", "never"), False),
])
def test_when_a_dump_is_taken(opens: Opens, sql: str, policy: str, backed: bool) -> None:
    walk = opens(sql, policy)
    assert walk.on().stage == "watch"
    assert (walk.promotion.backup is not None) is backed


def test_only_what_is_touched(opens: Opens) -> None:
    walk = opens(policy=f'{WHEN}scope = "touched"\n', also="create table public.other (id int)")
    walk.on()
    assert backup_of(walk).only == (("public", "books"),)
    proven = backup_of(walk).proven
    assert proven is not None
    assert (proven.tables, proven.rows) == (1, 1000)


def test_a_dying_pg_dump_stops_it(opens: Opens, server: Postgres, backups: PgBackups, production: Fresh,
                                  tmp_path: Path) -> None:
    path = program(tmp_path / "bin", server, '"$REAL" "$@" | head -c 3000; kill -9 $$')
    walk = opens(backups=replace(backups, pg_dump=path))
    walk.on()
    untouched(walk, production, "pg_dump was killed (SIGKILL)")
    assert left_in(backups) == []


def test_a_full_disk_stops_it(opens: Opens, backups: PgBackups, production: Fresh) -> None:
    walk = opens(also="create table public.noise (g int, noise bytea)")
    production.run("insert into public.noise select g, gen_random_bytes(1024) from generate_series(1, 9000) g")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, before[1]))  # as a disk that ends there
    try:
        walk.on()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    untouched(walk, production, "the disk of BACKUP_DIR took no more after")
    assert left_in(backups) == []


def test_a_locked_table_is_waited_for_without_queueing_up(opens: Opens, backups: PgBackups, production: Fresh) -> None:
    walk = opens(backups=replace(backups, lock_wait=0.1))
    with psycopg.connect(production.url) as holder:
        holder.execute("lock table public.books in access exclusive mode")
        walk._on()
        walk.walk("BK-1")
        assert "is locked" in walk._on().waits_for
        assert production.rows("select count(*) from pg_locks where not granted") == [(0,)]
        assert left_in(backups) == []
    assert walk.on().stage == "watch"


def test_asked_to_stop_it_leaves_nothing_and_goes_on_later(opens: Opens, server: Postgres, backups: PgBackups,
                                                            tmp_path: Path) -> None:
    flag = tmp_path / "go"
    path = program(tmp_path / "bin", server, f'[ -e {flag} ] || sleep 60; exec "$REAL" "$@"')
    walk = opens(backups=replace(backups, pg_dump=path))
    walk._on()
    timer = threading.Timer(0.5, lambda: setattr(walk, "stop", True))
    timer.start()
    walk.walk("BK-1")
    assert left_in(backups) == []
    record = walk.journal.load("BK-1")
    assert record is not None
    assert record.stage == "dump"
    walk.stop = False
    flag.touch()
    assert walk.on().stage == "watch"
    assert backup_of(walk).good
    assert walk.journal.load("BK-2") is None


def test_leftovers_of_a_killed_bot_are_taken_away(opens: Opens, backups: PgBackups) -> None:
    walk = opens()
    backups.folder.ready()
    (backups.directory / ".BK-1.0000.partial").write_bytes(b"half a dump")
    walk.on()
    assert len(left_in(backups)) == 1
    assert not left_in(backups)[0].startswith(".")


# Proof


@pytest.mark.parametrize("harm", ["cut", "flipped", "longer"])
def test_a_damaged_dump_is_no_backup(backups: PgBackups, harm: str) -> None:
    given = backups.dump("BK-1", (), Quiet())
    path = backups.directory / given.unfinished
    content = bytearray(path.read_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        content += b"x"
    path.write_bytes(content)
    with pytest.raises(Refused):
        backups.prove(given, "read", Quiet())


def test_a_dump_that_lacks_rows_is_no_backup(backups: PgBackups, server: Postgres, tmp_path: Path) -> None:
    path = program(tmp_path / "bin", server, 'exec "$REAL" "$@" --exclude-table-data=public.books')
    lacking = replace(backups, pg_dump=path)
    given = lacking.dump("BK-1", (), Quiet())
    with pytest.raises(Refused, match=r"public\.books is not in it"):
        lacking.prove(given, "read", Quiet())


def test_odd_names_and_rows_are_counted_right(backups: PgBackups, production: Fresh) -> None:
    production.run(
        '''create table public."We ird.\nName""q" (a int, "b (c" text)''',
        '''insert into public."We ird.\nName""q" values (1, E'\\\\.')''',
        '''insert into public."We ird.\nName""q" values (2, E'\\n\\\\.\\nCOPY public.x FROM stdin;\\n')''',
        "create table public.nothing ()", "insert into public.nothing default values",
        "create table public.empty (a int)", "create table public.parts (a int) partition by range (a)",
        "create table public.part partition of public.parts for values from (0) to (9)",
        "insert into public.parts values (1), (2), (3)", "select lo_from_bytea(0, 'COPY public.x FROM stdin;')",
    )
    given = backups.dump("BK-1", (), Quiet())
    proven = backups.prove(given, "read", Quiet())
    assert proven.rows == 1000 + 2 + 1 + 0 + 3


def test_writers_do_not_disturb_the_counts(backups: PgBackups, production: Fresh) -> None:
    over = threading.Event()

    def write() -> None:
        with production.connect() as connection:
            while not over.is_set():
                connection.execute("insert into public.books select max(id) + 1 from public.books")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            assert backups.prove(backups.dump("BK-1", (), Quiet()), "read", Quiet()).rows >= 1000
    finally:
        over.set()
        writer.join()


def test_a_table_that_may_not_be_read_is_left_out_and_said(backups: PgBackups, production: Fresh) -> None:
    production.run("create schema vault", "create table vault.secrets (a text)", user="supabase_admin")
    given = backups.dump("BK-1", (), Quiet())
    assert given.left_out == ()     # postgres is a member of pg_read_all_data
    production.run("create role limited login password 'limited'", user="supabase_admin")
    production.run("grant usage on schema public to limited", "grant select on public.books to limited")
    url = production.url.replace("//postgres:", "//limited:").replace(production.server.password, "limited")
    try:
        given = replace(backups, url=url).dump("BK-2", (), Quiet())
        assert "vault.secrets" in given.left_out
        assert replace(backups, url=url).prove(given, "read", Quiet()).rows == 1000
    finally:
        production.run("drop owned by limited", "drop role limited", user="supabase_admin")


# The gate


def test_an_old_or_missing_pg_dump_holds_it_at_the_gates(opens: Opens, server: Postgres, backups: PgBackups,
                                                         production: Fresh, tmp_path: Path) -> None:
    path = program(tmp_path / "bin", server, "exit 1")
    Path(path).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.4'\n")
    walk = opens(backups=replace(backups, pg_dump=path))
    assert walk.on().stage in ("gates", "approval")
    [check] = [check for check in walk.promotion.checklist if check.gate == "backup"]
    assert check.state is State.WAITING
    assert "the server needs pg_dump 17 or newer" in check.said
    assert "set PG_DUMP" in check.said


def test_a_folder_that_cannot_be_written_holds_it_at_the_gates(backups: PgBackups, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="BACKUP_DIR"):
        replace(backups, directory=tmp_path / "file" / "shop").ready("read")


def test_interrupted_while_reading(backups: PgBackups) -> None:
    given, quiet = backups.dump("BK-1", (), Quiet()), Quiet()
    quiet.stop = True
    with pytest.raises(Interrupted):
        backups.prove(given, "read", quiet)
    assert os.listdir(backups.directory) == [given.unfinished]


@pytest.mark.slow
def test_the_card_says_how_far_the_dump_is(opens: Opens, backups: PgBackups) -> None:
    """What the dump and its proof tell while they work, as the promotion's card shows it."""
    quiet = Quiet()
    backups.prove(backups.dump("BK-7", (), quiet), "read", quiet)
    writing = next(seen for seen in quiet.seen if "bytes" in seen)
    reading = next(seen for seen in quiet.seen if seen.get("read"))
    walk = opens()
    walk._on()
    for seen, words in ((writing, "written, the tables take "), (reading, "proving it, ")):
        walk.ports.shelves.put([Put(shelf="progress", key="BK-1", doc=seen)])
        record = walk.journal.load(walk.record)
        assert record is not None
        text = PromotionView(walk.ports, Scrubber(())).card(record).text
        assert "Backing up as BK-1 · " in text
        assert words in text

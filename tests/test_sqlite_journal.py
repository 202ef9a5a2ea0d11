"""What is SQLite's own about the journal: the file, its rights, its versions, its damage; and the lock beside it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.sqlite_journal import SqliteJournal
from bot.adapters.store_lock import serve_lock
from bot.domain.entry import Fact, Opening, audit
from bot.errors import Refused, Unreachable
from bot.ports import Delivery
from bot.scrub import Scrubber

FACT = Fact(about="P-1", kind="requested", actor="U1", data={"say": "add region"})


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)


def opened(path: Path, *, full_text: bool = True) -> SqliteJournal:
    return SqliteJournal(path, Clock(), Scrubber(), full_text=full_text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "stagedoor.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = opened(path)
    yield made
    made.close()


def raw(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_only_its_owner_may_read_the_store(journal: SqliteJournal, path: Path) -> None:
    journal.append([FACT])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"stagedoor.db": 0o600, "stagedoor.db-wal": 0o600, "stagedoor.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_acknowledged_is_on_disk(journal: SqliteJournal, path: Path) -> None:
    with journal.writing() as db:
        settings = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


@pytest.mark.parametrize("sql", [
    "UPDATE entries SET actor = 'U9'", "DELETE FROM entries", "INSERT OR REPLACE INTO entries SELECT * FROM entries",
])
def test_the_store_itself_refuses_to_change_an_entry(journal: SqliteJournal, path: Path, sql: str) -> None:
    journal.append([FACT])
    with pytest.raises(sqlite3.IntegrityError, match="never changed"), journal.writing() as db:
        db.execute(sql)
    assert audit(journal.entries(), against=journal.head()).entries == 1


def test_an_open_read_does_not_hold_up_a_write(journal: SqliteJournal) -> None:
    journal.append([FACT])
    with journal.reading() as db:
        rows = db.execute("SELECT * FROM entries")
        assert journal.append([FACT])
        assert len(list(rows)) == 1


def test_erased_words_are_nowhere_in_the_file(journal: SqliteJournal, path: Path) -> None:
    made = journal.append([replace(FACT, private=f"orders of zebra{number} are late") for number in range(50)])
    assert made is not None
    assert _holds(path, b"zebra7 ")
    journal.erase(made[7].id, "U2")
    assert not _holds(path, b"zebra7 ")
    assert not _holds(path, b"zebra7\x00")
    assert _holds(path, b"zebra8")


def _holds(path: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in path.parent.glob("stagedoor.db*"))


def test_a_finished_delivery_leaves_only_its_key(journal: SqliteJournal, path: Path) -> None:
    journal.receive(Delivery(key="k1", kind="command", payload={"text": "zebra"}, received=Clock().now()))
    journal.append([], key="k1")
    journal.close()
    assert not _holds(path, b"zebra")


def test_without_full_text_search_words_are_found_all_the_same(path: Path) -> None:
    journal = opened(path, full_text=False)
    journal.append([replace(FACT, private="100%_sure"), FACT])
    assert [entry.seq for entry in journal.search("Region add")] == [2, 1]
    assert [entry.seq for entry in journal.search("0%_s region")] == [1]
    assert journal.search("1%e") == []
    journal.close()


def test_a_store_is_opened_again(path: Path) -> None:
    first = opened(path)
    first.append([FACT])
    first.close()
    first.close()
    with pytest.raises(Unreachable, match="closed"):
        first.append([FACT])
    again = opened(path)
    assert audit(again.entries(), against=again.head()).entries == 1
    again.close()


def test_a_new_store_opened_by_many_at_once(path: Path) -> None:
    made: list[SqliteJournal] = []
    threads = [threading.Thread(target=lambda: made.append(opened(path))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    for journal in made:
        journal.append([FACT])
    assert audit(made[0].entries()).entries == 6
    for journal in made:
        journal.close()


def test_a_store_in_shape_is_opened_without_the_library_that_makes_one(journal: SqliteJournal, path: Path) -> None:
    journal.close()
    opens = (
        "import sys; from pathlib import Path; from tests.test_sqlite_journal import opened\n"
        "opened(Path(sys.argv[1])).close(); print(sorted({'numpy', 'sqlite_utils'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", opens, path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"



def test_a_newer_release_s_store_is_refused(path: Path) -> None:
    opened(path).close()
    raw(path, "INSERT INTO schema_versions VALUES (99, '2030')")
    with pytest.raises(Refused, match=r"newer release \(store version 99"):
        opened(path)


def test_another_program_s_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    raw(path, "CREATE TABLE notes (a)")
    before = path.read_bytes()
    with pytest.raises(Refused, match="another program"):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello, I am a text file" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Refused, match=r"STAGEDOOR_STORE_URL|damaged"):
        opened(path)


def test_a_damaged_store_is_said_so(path: Path) -> None:
    journal = opened(path)
    journal.append([replace(FACT, opens=Opening(kind="k", project="p", stage="s"), data={"a": "x" * 900})] * 200)
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2:] = b"\xee" * (len(content) - 4096 * 2)
    path.write_bytes(content)
    with pytest.raises(Refused, match="damaged"):
        list(opened(path).entries())


def test_a_folder_in_the_place_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be opened"):
        opened(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be opened"):
        opened(tmp_path / "file" / "stagedoor.db")


def test_a_failed_write_is_told_to_all_that_waited_for_it(journal: SqliteJournal) -> None:
    with journal.writing() as db:
        db.execute("DROP TABLE deliveries")
    failures = []

    def receive(number: int) -> None:
        try:
            journal.receive(Delivery(key=f"k{number}", kind="command", payload={}, received=Clock().now()))
        except sqlite3.OperationalError as error:
            failures.append(error)

    threads = [threading.Thread(target=receive, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(failures) == 8


# The lock of the process that serves


def test_one_process_serves_and_another_stands_by(path: Path) -> None:
    with serve_lock(path) as first, serve_lock(path) as second:
        assert first.try_acquire()
        assert first.try_acquire()
        assert not second.try_acquire()
        assert second.holder() == os.getpid()
        first.release()
        assert second.acquire(poll=0.01, stop=threading.Event())
    assert not [file for file in path.parent.iterdir() if stat.S_IMODE(file.stat().st_mode) & 0o077]


def test_standing_by_ends_when_asked_to_stop(path: Path) -> None:
    stop = threading.Event()
    with serve_lock(path) as first, serve_lock(path) as second:
        first.try_acquire()
        threading.Timer(0.05, stop.set).start()
        assert not second.acquire(poll=10, stop=stop)


def test_the_lock_ends_with_its_process(path: Path) -> None:
    program = (
        "import sys, pathlib; from bot.adapters.store_lock import serve_lock; "
        "lock = serve_lock(pathlib.Path(sys.argv[1])); print(lock.try_acquire(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as holder, serve_lock(path) as lock:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not lock.try_acquire()
        assert lock.holder() == holder.pid
        holder.kill()
        holder.wait()
        assert lock.try_acquire()

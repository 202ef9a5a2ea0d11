"""Which files of a folder are migrations, in which order, and what they say they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import Refused, Unreachable
from bot.migrations.files import FolderMigrations, purpose


def write(folder: Path, *names: str) -> FolderMigrations:
    for name in names:
        (folder / name).write_bytes(b"select 1;\n")
    return FolderMigrations(folder)


def test_migrations_come_in_the_order_of_their_versions_as_text(tmp_path: Path) -> None:
    found = write(tmp_path, "1_a.sql", "10_b.sql", "2_c.sql", "020240112000000_d.sql", "3_.sql", "4_é x.y_z.sql").read()
    assert [(m.version, m.name) for m in found.migrations] == [
        ("020240112000000", "d"), ("1", "a"), ("10", "b"), ("2", "c"), ("3", ""), ("4", "é x.y_z"),
    ]
    assert found.skipped == ()


def test_what_is_no_migration_is_skipped_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "5_folder.sql").mkdir()
    strangers = {"README.md", ".hidden", "1_a.SQL", "1_a.sql.bak", "20240101.sql", "x_1.sql"}
    found = write(tmp_path, *strangers, "6_real.sql").read()
    assert [m.filename for m in found.migrations] == ["6_real.sql"]
    assert {s.filename for s in found.skipped} == strangers
    assert all("VERSION_name.sql" in s.why for s in found.skipped)


def test_an_old_init_is_left_out_only_as_the_first_file(tmp_path: Path) -> None:
    found = write(tmp_path, "20211208000000_init.sql", "20211208000001_init.sql").read()
    assert [m.version for m in found.migrations] == ["20211208000001"]
    assert "init" in found.skipped[0].why
    write(tmp_path, "20200101000000_first.sql")
    assert len(FolderMigrations(tmp_path).read().migrations) == 3


def test_a_second_file_of_a_version_is_not_taken(tmp_path: Path) -> None:
    found = write(tmp_path, "1_b.sql", "1_a.sql").read()
    assert [m.filename for m in found.migrations] == ["1_a.sql"]
    assert found.skipped[0].filename == "1_b.sql"
    assert "1_a.sql" in found.skipped[0].why


def test_symbolic_links_are_files(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"\xff\x00")
    (tmp_path / "m/1_a.sql").symlink_to(tmp_path / "elsewhere")
    (migration,) = FolderMigrations(tmp_path / "m").read().migrations
    assert migration.content == b"\xff\x00"


def test_a_missing_folder_or_file_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"There is no migrations folder at .*Set MIGRATIONS_DIR"):
        FolderMigrations(tmp_path / "none").read()
    (tmp_path / "1_a.sql").symlink_to(tmp_path / "gone")
    with pytest.raises(Unreachable, match=r"1_a\.sql is missing"):
        FolderMigrations(tmp_path).read()


@pytest.mark.parametrize(("content", "words"), [
    (b"-- Migration: Add feature XYZ\n-- Date: 2026-03-01\ncreate table t();", "Add feature XYZ"),
    (b"\xef\xbb\xbf-- =====\n--  migration :  Add regions  \n", "Add regions"),
    (b"-- add a table\n-- more\nselect 1;", "add a table"),
    (b"/* Migration: In a block\n * of lines */ select 1", "In a block"),
    (b"\n\n--\n-- first words\n", "first words"),
    (b"select 1; -- Migration: too late", ""),
    (b"", ""),
    (b"-- \x00\xff\x1b[31mred\xe2\x80\xae\n", "\N{REPLACEMENT CHARACTER} [31mred"),
    (b"-- " + b"x" * 500, "x" * 119 + "…"),
])
def test_what_a_file_is_for(content: bytes, words: str) -> None:
    assert purpose(content) == words


def test_a_new_file_is_written_whole_once_and_never_over_another(tmp_path: Path) -> None:
    folder = FolderMigrations(tmp_path)
    folder.add("2_back.sql", b"drop table a;", "t", "s")
    assert folder.add("2_back.sql", b"drop table a;", "t", "s").merged
    assert [path.name for path in tmp_path.iterdir()] == ["2_back.sql"]
    assert (tmp_path / "2_back.sql").read_bytes() == b"drop table a;"
    with pytest.raises(Refused, match="already, with other bytes"):
        folder.add("2_back.sql", b"drop table b;", "t", "s")
    with pytest.raises(Refused, match="cannot be written"):
        FolderMigrations(tmp_path / "gone").add("2_back.sql", b"", "t", "s")

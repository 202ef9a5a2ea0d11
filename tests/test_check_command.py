"""`stagedoor check` and `stagedoor new` through the real command: formats, exit statuses, files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
Command = Callable[..., "subprocess.CompletedProcess[str]"]
CLEAN = (
    "-- Migration: Notes\n-- Date: 2026-01-01\n-- Author: Ana\n"
    "ALTER TABLE public.books ADD COLUMN IF NOT EXISTS note text;\n"
)
WARNED = CLEAN + "ALTER TABLE public.books ADD COLUMN IF NOT EXISTS more json;\n"
BLOCKED = CLEAN + "\nUPDATE public.books SET note = 'x';\n"


@pytest.fixture
def stagedoor(tmp_path: Path) -> Command:
    """The program in an empty folder, without any setting."""
    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments], cwd=tmp_path, text=True, capture_output=True, timeout=60,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environ}, check=False,
        )
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "supabase" / "migrations"
    made.mkdir(parents=True)
    return made


def put(folder: Path, sql: str, name: str = "20260101000000_notes.sql") -> None:
    (folder / name).write_text(sql)


@pytest.mark.parametrize(("sql", "fail_on", "status"), [
    (CLEAN, "block", 0), (CLEAN, "warn", 0), (WARNED, "block", 0), (WARNED, "warn", 1), (BLOCKED, "block", 1),
])
def test_the_exit_status_says_how_bad_it_is(
    sql: str, fail_on: str, status: int, stagedoor: Command, folder: Path
) -> None:
    put(folder, sql)
    done = stagedoor("check", "--fail-on", fail_on)
    assert done.returncode == status, done.stdout + done.stderr


def test_text_names_line_reason_and_safe_form(stagedoor: Command, folder: Path) -> None:
    put(folder, BLOCKED)
    said = stagedoor("check").stdout
    assert "supabase/migrations/20260101000000_notes.sql:6  block  rows-without-where [destructive]" in said
    assert "Without WHERE it reaches every row" in said
    assert "Safe:" in said
    assert said.rstrip().endswith("1 file: 1 block, 1 warning")


def test_json_is_for_programs(stagedoor: Command, folder: Path) -> None:
    put(folder, BLOCKED)
    said = json.loads(stagedoor("check", "--format", "json", "supabase/migrations/20260101000000_notes.sql").stdout)
    assert said["files"] == 1
    assert {"rule": "rows-without-where", "line": 6, "level": "block"}.items() <= said["findings"][0].items() or any(
        finding["rule"] == "rows-without-where" and finding["line"] == 6 for finding in said["findings"]
    )


def test_github_gets_workflow_commands_that_cannot_be_broken_out_of(stagedoor: Command, folder: Path) -> None:
    put(folder, BLOCKED, "20260101000000_no,tes.sql")
    lines = stagedoor("check", "--format", "github").stdout.splitlines()
    errors = [line for line in lines if line.startswith("::error ")]
    assert any("file=supabase/migrations/20260101000000_no%2Ctes.sql,line=6,title=rows-without-where::" in line
               for line in errors)
    assert all(line.startswith(("::error ", "::warning ", "::notice ", "1 file")) for line in lines)


def test_sarif_has_the_shape_of_2_1_0(stagedoor: Command, folder: Path) -> None:
    put(folder, BLOCKED + "-- stagedoor: ignore json-type because it is old\n" + WARNED.splitlines()[-1])
    log: dict[str, Any] = json.loads(stagedoor("check", "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "Stagedoor"
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "supabase/migrations/20260101000000_notes.sql"
        assert place["region"]["startLine"] >= 1
    suppressed = [result for result in run["results"] if result.get("suppressions")]
    assert suppressed[0]["suppressions"] == [{"kind": "inSource", "justification": "it is old"}]


@pytest.mark.parametrize(
    "arguments",
    [("check", "nowhere"), ("check", "supabase"), ("check", "--format", "xml"), ("check", "--fail-on", "all")],
)
def test_what_cannot_be_used_is_2(arguments: tuple[str, ...], stagedoor: Command, folder: Path) -> None:
    assert stagedoor(*arguments).returncode == 2


def test_a_missing_folder_is_named(stagedoor: Command) -> None:
    done = stagedoor("check")
    assert done.returncode == 2
    assert "supabase/migrations" in done.stderr


def test_migrations_dir_says_where_the_files_are(stagedoor: Command, tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    put(tmp_path / "db", BLOCKED)
    assert stagedoor("check", MIGRATIONS_DIR="db").returncode == 1


def test_a_hostile_repository_configures_nothing(stagedoor: Command, folder: Path, tmp_path: Path) -> None:
    """Neither its squawk configuration nor modules named like ours or Python's are read."""
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["renaming-column"]\n')
    (tmp_path / "json.py").write_text("raise SystemExit('read')\n")
    put(folder, CLEAN + "ALTER TABLE public.books RENAME COLUMN note TO words;\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot", "check"], cwd=tmp_path, text=True, capture_output=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1, done.stderr
    assert "renaming-column" in done.stdout


def test_the_terminal_obeys_no_file(stagedoor: Command, folder: Path) -> None:
    put(folder, CLEAN + 'ALTER TABLE public."\x1b[2J" DROP COLUMN IF EXISTS a;\n')
    assert "\x1b" not in stagedoor("check").stdout


def test_new_writes_a_migration_and_its_way_back(stagedoor: Command, tmp_path: Path) -> None:
    done = stagedoor("new", "add_subtitle")
    assert done.returncode == 0, done.stderr
    migration, rollback = (tmp_path / line for line in done.stdout.splitlines())
    assert re.fullmatch(r"supabase/migrations/\d{14}_add_subtitle\.sql", str(migration.relative_to(tmp_path)))
    assert rollback == tmp_path / "supabase" / "rollbacks" / migration.name
    assert re.match(r"-- Migration: Add subtitle\n-- Date: \d{4}-\d\d-\d\d\n-- Author: \S", migration.read_text())
    assert rollback.read_text().startswith("-- Rollback of: Add subtitle\n")


def test_new_takes_the_author_from_git(stagedoor: Command, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\nname = Ana Example\n")
    stagedoor("new", "add_subtitle")
    [written] = (tmp_path / "supabase" / "migrations").iterdir()
    assert "-- Author: Ana Example\n" in written.read_text()


def test_new_comes_after_what_is_there(stagedoor: Command, folder: Path) -> None:
    put(folder, CLEAN, "29990101000059_far.sql")
    stagedoor("new", "next_one")
    assert (folder / "29990101000100_next_one.sql").exists()


@pytest.mark.parametrize("name", ["Add Subtitle", "../escape", "", "1st", "a-b", "x" * 101, "é"])
def test_a_bad_name_is_2_and_writes_nothing(name: str, stagedoor: Command, tmp_path: Path) -> None:
    done = stagedoor("new", name)
    assert done.returncode == 2
    assert not (tmp_path / "supabase").exists()


def test_new_overwrites_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.errors import Refused
    from bot.migrations import skeleton

    monkeypatch.setattr(skeleton, "_version", lambda *_: "20260101000000")
    put(folder, "select 1;", "20260101000000_notes.sql")
    with pytest.raises(Refused, match="there already"):
        skeleton.write("notes", folder)
    assert (folder / "20260101000000_notes.sql").read_text() == "select 1;"

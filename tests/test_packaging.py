"""What an install gets: every page, template and SQL file, and a program that runs anywhere; and what locks hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "templates", "rehearsal")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-browser.lock")


def run(*command: str | Path, cwd: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT, cwd=folder)
    [path] = folder.glob("stagedoor-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; what it depends on is lent by the environment of the tests."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", home / "bin" / "python")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    site = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    (Path(site) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages_and_none_besides(wheel: Path) -> None:
    here = {
        str(path.relative_to(ROOT)) for name in PACKAGES for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    there = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert there == here


@pytest.mark.slow
@pytest.mark.parametrize("command", [("stagedoor",), ("python", "-m", "bot")])
def test_the_program_runs_from_another_folder(command: tuple[str, ...], installed: Path, tmp_path: Path) -> None:
    program, *more = command
    said = run(installed / program, *more, "--help", cwd=tmp_path)
    for name in ("serve", "rehearse"):
        assert name in said
    assert run(installed / program, *more, "--version", cwd=tmp_path).startswith("stagedoor 0.")


@pytest.mark.slow
def test_the_packages_are_the_installed_ones(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "python", "-c", f"import {', '.join(PACKAGES)}; print(bot.__file__)", cwd=tmp_path)
    assert Path(said.strip()).is_relative_to(installed.parent)


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_version_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    for requirement in re.split(r"\n(?=[a-z])", text.partition("\n    make lock\n")[2] or text)[1:]:
        assert re.match(r"[a-z0-9-]+==\S+.*\\\n(\s+--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$", requirement), requirement
    assert not re.search(r"://|--index|--find-links|@ file", text)


def test_the_development_lock_holds_the_running_one() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


@pytest.mark.parametrize(("lock", "extras"), [("requirements.lock", ()), ("requirements-dev.lock", ("build", "dev"))])
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    names = {re.split(r"[^A-Za-z0-9-]", each)[0] for each in wanted}
    assert names <= set(pins(lock)), "run `make lock`"

"""`stagedoor rehearse`: it says what is true, and however it ends, nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.play import COMMANDS
from templates.migrate import COMMANDS as HELP


def test_the_page_suggests_what_the_bot_understands() -> None:
    assert COMMANDS["/migrate"].split(", ") == list(dict.fromkeys(usage.split()[0] for usage, _ in HELP))


@pytest.fixture
def rehearse(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts it as a terminal would: in the foreground of a session of its own."""
    begun: list[subprocess.Popen[str]] = []

    def start(port: int = 0) -> subprocess.Popen[str]:
        begun.append(subprocess.Popen(
            [sys.executable, "-m", "bot", "rehearse", "--port", str(port)], text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        ))
        return begun[-1]

    yield start
    for process in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()
        process.wait()


def opened(process: subprocess.Popen[str]) -> str:
    """What it prints until the hints are complete."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            return said
    raise AssertionError(f"it ended: {said}")


def family(process: int) -> set[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    found, seen = {process}, 0
    while len(found) > seen:
        seen = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found


def runs(process: int) -> bool:
    """Whether it still does something: one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(processes: set[int], within: float = 20) -> bool:
    until = time.monotonic() + within
    while any(runs(process) for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def to_all(process: subprocess.Popen[str]) -> None:
    """Ctrl-C reaches the whole foreground, not the first process alone."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks for processes in /proc")
@pytest.mark.parametrize(
    ("end", "status"),
    [
        (to_all, 0),
        (subprocess.Popen.terminate, 0),
        (lambda process: process.send_signal(signal.SIGHUP), 0),
        (subprocess.Popen.kill, -signal.SIGKILL),
    ],
    ids=["ctrl-c", "sigterm", "terminal closed", "killed"],
)
def test_however_it_ends_nothing_is_left_behind(
    rehearse: Callable[..., subprocess.Popen[str]], tmp_path: Path, status: int,
    end: Callable[[subprocess.Popen[str]], None],
) -> None:
    process = rehearse()
    opened(process)
    processes = family(process.pid)
    assert len(processes) > 5, "Postgres and the bot run"
    end(process)
    assert process.wait(timeout=40) == status
    assert gone(processes - {process.pid})
    assert process.stdout is not None
    said = process.stdout.read()
    assert "Traceback" not in said
    assert said.endswith("Ended. Nothing is left behind.\n") if status == 0 else said.strip() == ""
    until = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_hurry_the_cleaning(
    rehearse: Callable[..., subprocess.Popen[str]], tmp_path: Path,
) -> None:
    process = rehearse()
    opened(process)
    for _ in range(3):
        to_all(process)
        time.sleep(0.05)
    assert process.wait(timeout=40) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_ctrl_c_while_it_starts_is_an_end_like_any_other(
    rehearse: Callable[..., subprocess.Popen[str]], tmp_path: Path,
) -> None:
    process = rehearse()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Starting")
    to_all(process)
    said = process.communicate(timeout=40)[0]
    assert process.returncode == 0
    assert "Traceback" not in said
    assert said.endswith("Ended. Nothing is left behind.\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_port_that_is_taken_is_a_sentence(rehearse: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = rehearse(port)
        said = process.communicate(timeout=40)[0]
    assert process.returncode == 1
    assert said.splitlines()[-1] == f"The rehearsal could not start: port {port} is taken; --port 0 picks a free one"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_script_holds_to_its_end_and_shows_the_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "rehearse", "--scripted"], text=True, capture_output=True, timeout=380,
        check=False, env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "Every step held" in done.stdout
    assert "## Lessons learned" in done.stdout
    assert not list(tmp_path.iterdir())

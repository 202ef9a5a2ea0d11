"""Processes that serve one store on Postgres one after the other: each dies or freezes at a point of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg

from tests.stories.house import House

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.stories.killing", "serve"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


class Relay:
    """Takes a house whose bot runs already from one process to the next; the last one lives."""

    def __init__(self, house: House, store: str) -> None:
        self._house, self._store = house, store
        self.frozen: list[subprocess.Popen[bytes]] = []
        assert house.bot is not None
        self.serving: subprocess.Popen[bytes] = house.bot

    def hand_over(
        self, to: str, end: Callable[[subprocess.Popen[bytes]], object] = lambda process: None,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Let a process stand by that will meet the point `to` (`kill …`, `freeze …`, or nothing), and take over.

        The one that serves now ends by itself, at the point that it was given, or by `end`. What comes `then`, before
        anybody else serves, means that the next process is only started after that.
        """
        house, before = self._house, self.serving
        if then is not None:
            self._waits_for(before)
            then()
        how, _, point = to.partition(" ")
        house._given |= {"KILL_AT": point if how == "kill" else "", "FREEZE_AT": point if how == "freeze" else ""}
        house.bot_port = house.a_port()
        house.start_bot(wait=False)
        assert house.bot is not None
        self.serving = house.bot
        house.until(lambda: self._answer("healthz") == 200 or None, "the next process to stand by, or to serve already")
        end(before)
        if then is None:
            self._waits_for(before)
        house.slack.bot_url = f"http://127.0.0.1:{house.bot_port}/slack/events"
        house.until(lambda: self._answer("readyz") == 200 or None, "the next process to serve")

    def _waits_for(self, process: subprocess.Popen[bytes]) -> None:
        self._house.until(lambda: self._out_of_the_way(process) or None, "a process to meet its point")

    def wakes_up(self) -> None:
        """Those that were frozen go on where they were; each finds out that it serves no longer, and ends."""
        for process in self.frozen:
            process.send_signal(signal.SIGCONT)
        for process in self.frozen:
            assert process.wait(30) == 1

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.frozen:
            process.kill()

    def _answer(self, path: str) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self._house.bot_port}/{path}", timeout=5).status_code
        except httpx.HTTPError:
            return 0

    def _out_of_the_way(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it is dead, or stopped; then its store is taken from it, as one does that fails over."""
        if process.poll() is not None:
            return True
        if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            return False
        self.frozen.append(process)
        with psycopg.connect(self._store, autocommit=True) as store:
            store.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s",
                [f"stagedoor-serve:%:{process.pid}@%"],
            )
        return True

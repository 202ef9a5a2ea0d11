"""The stand-in world as one thing: Postgres with both databases, Slack, and the bot as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from rehearsal import shop
from rehearsal.github import GitHub
from rehearsal.loopback import TRUST, Held
from rehearsal.postgres import Postgres
from rehearsal.slack import Slack
from rehearsal.supabase import LOGGING, PRODUCTION_REF, STAGING_REF, Drain, Supabase

SIGNING_SECRET = "rehearsal-signing-secret"
BOT_TOKEN = "xoxb-rehearsal-token"
APP_TOKEN = "xapp-rehearsal-token"
FOLDER = "supabase/migrations"
DRAIN_SECRET = "rehearsal-drain-secret"
FOREIGN = ("SLACK_", "STAGEDOOR_", "GITHUB_", "BACKUP_", "SUPABASE_")
"""Variables that would configure another bot; a build machine of GitHub's sets some of its own."""
READY_WITHIN = 30.0


class World:
    """Everything a promotion needs, on loopback. As a context it starts in order and leaves nothing behind.

    `environment` is added to the bot's variables; `command` starts the bot (the default is `stagedoor serve`).
    With `socket_mode` Slack speaks to it over connections of its own alone. `slack` goes to the stand-in.
    With `supabase` there is a Management API; if the server is this world's own, what it really logs is there to be
    asked for, and is delivered by a log drain as well.
    With `github` the migrations are in a repository there (the base one on `main`), not in a folder of the bot's.
    """

    def __init__(
        self, *, page_port: int = 0, limits: str = "posts", environment: dict[str, str] | None = None,
        command: list[str] | None = None, postgres: Postgres | None = None, log: Path | None = None,
        socket_mode: bool = False, github: bool = False, supabase: bool = False,
        slack: Mapping[str, Any] | None = None,
    ) -> None:
        self._stack = ExitStack()
        self._page_port, self._limits = page_port, limits
        self._given = environment or {}
        self._command = command or [sys.executable, "-m", "bot", "serve"]
        self._postgres = postgres
        self._log = log
        self._slack_given = {**({"app_token": APP_TOKEN} if socket_mode else {}), **(slack or {})}
        self._with_github, self._with_supabase = github, supabase
        self.bot: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            with _undisturbed():    # a folder that nobody knows of yet would be left behind
                self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="stagedoor-")))
            self.migrations = shop.lay_out(self.directory)
            self.postgres = self._postgres or self._stack.enter_context(
                Postgres(fast=True, settings=LOGGING if self._with_supabase else {}),
            )
            name = self.directory.name.rpartition("-")[2].replace("_", "x").lower()
            self.staging = self.postgres.project(f"staging_{name}")
            self.production = self.postgres.project(f"production_{name}")
            shop.furnish(self.staging, self.production, self.migrations)
            self.bot_port = self.a_port()
            self.slack = Slack(
                port=self._page_port, bot_url=f"http://127.0.0.1:{self.bot_port}/slack/events",
                signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN, limits=self._limits,
                **self._slack_given,
            )
            self.slack.start()
            self._stack.callback(self.slack.stop)
            if self._with_github:
                self._open_github()
            if self._with_supabase:
                self._open_supabase(name)
            self._stack.callback(self.end_bot)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _open_github(self) -> None:
        self.github = GitHub()
        base = next(self.migrations.glob(f"{shop.BASE}_*"))
        self.github.commit({f"{FOLDER}/{base.name}": base.read_bytes(), "README.md": "A shop.\n"})
        self.github.start()
        self._stack.callback(self.github.stop)
        self._given = {
            "GITHUB_API_URL": self.github.api_url, "GITHUB_TOKEN": self.github.token,
            "GITHUB_REPOSITORY": self.github.repository, "MIGRATIONS_DIR": FOLDER, **self._given,
        }

    def _open_supabase(self, name: str) -> None:
        self.supabase = Supabase()
        self.supabase.start()
        self._stack.callback(self.supabase.stop)
        if self._postgres is None:
            self.supabase.follow(
                self.postgres, {f"staging_{name}": STAGING_REF, f"production_{name}": PRODUCTION_REF},
                Drain(f"http://127.0.0.1:{self.bot_port}/hooks/supabase/logs", DRAIN_SECRET),
            )
        self._given = {
            "SUPABASE_API_URL": self.supabase.api_url, "SUPABASE_ACCESS_TOKEN": self.supabase.api.token,
            "SUPABASE_DRAIN_SECRET": DRAIN_SECRET, "STAGING_PROJECT_REF": STAGING_REF,
            "PRODUCTION_PROJECT_REF": PRODUCTION_REF, **self._given,
        }

    def a_port(self) -> int:
        """A port for a bot of this world; nobody else gets it while the world stands."""
        return self._stack.enter_context(Held()).port

    @property
    def environment(self) -> dict[str, str]:
        """The bot's variables: this process's without anything that would configure another bot."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        app_token = str(self._slack_given.get("app_token", ""))
        door = {"SLACK_APP_TOKEN": app_token} if app_token else {"SLACK_SIGNING_SECRET": SIGNING_SECRET}
        return own | door | {
            "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": self.slack.api_url,
            "STAGING_DATABASE_URL": self.staging, "PRODUCTION_DATABASE_URL": self.production,
            "STAGEDOOR_STORE_URL": f"sqlite:///{self.directory / 'stagedoor.db'}",
            "STAGEDOOR_POLICY": str(self.directory / "stagedoor.toml"), "MIGRATIONS_DIR": str(self.migrations),
            "BACKUP_DIR": str(self.directory / "backups"), "PG_DUMP": str(self.postgres.bin / "pg_dump"),
            "STAGEDOOR_EPHEMERAL_OK": "1", "PORT": str(self.bot_port), "HOST": "127.0.0.1",
        } | self._given

    def start_bot(self, *, wait: bool = True) -> None:
        """Start the bot's process; it must not run already."""
        output = self._log or self.directory / "bot.log"
        with output.open("ab") as log:
            self.bot = subprocess.Popen(
                self._command, env=self.environment, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the bot answers `/healthz`. Raises RuntimeError with the end of its log when it does not."""
        until = time.monotonic() + READY_WITHIN
        with httpx.Client(timeout=2, verify=TRUST) as client:
            while time.monotonic() < until:
                if self.bot is not None and self.bot.poll() is not None:
                    break
                try:
                    if client.get(f"http://127.0.0.1:{self.bot_port}/healthz").status_code == 200:
                        return
                except httpx.HTTPError:
                    time.sleep(0.02)
        raise RuntimeError(f"the bot did not become ready:\n{self.bot_log()[-3000:]}")

    def bot_log(self) -> str:
        """What the bot has printed so far."""
        path = self._log or self.directory / "bot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill_bot(self) -> None:
        """SIGKILL, as a host does."""
        if self.bot is not None:
            self.bot.kill()
            self.bot.wait()
            self.bot = None

    def end_bot(self) -> int | None:
        """SIGTERM, and the exit status."""
        if self.bot is None:
            return None
        self.bot.terminate()
        try:
            status = self.bot.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.bot.kill()
            status = self.bot.wait()
        self.bot = None
        return status


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C and the like wait until this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""A project whose promotions are rolled back, without Slack: real databases, the real journal, every runbook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.entry import Fact
from bot.domain.promotion import Promotion
from bot.domain.record import Record
from bot.domain.rolling_back import Rolling
from bot.promotions.requests import Requests
from bot.rollbacks.verbs import Asked, Rollbacks
from bot.world import Project
from rehearsal.postgres import Postgres
from tests.migrations.conftest import BRISK
from tests.migrations.walking import Walk, approved
from tests.postgres import Fresh, fresh_database

ANA, BO, CY, ERIN = "U0ANA0001", "U0BO00001", "U0CY00001", "U0ERIN001"
FIRST, SECOND, THIRD = "20261101120000", "20261101121500", "20261101123000"
POLICY = f"""
[roles]
operators = ["{ANA}", "{ERIN}", "{BO}", "{CY}"]
[approvals]
approvers = ["{BO}", "{CY}"]
required_destructive = 1
[gates]
manual = []
skip = ["pull_request", "sql_check", "drift"]
[apply]
lock_timeout = "200ms"
retries = 1
[backups]
when = "never"
[incidents]
on_call = ["{ERIN}"]
"""
SQL = "create table books (id int primary key, title text); create index books_title on books (title);"


class Shop:
    """Words for what is done to it, and for what is there."""

    def __init__(self, walk: Walk, folder: Path, staging: Fresh, production: Fresh) -> None:
        self.w, self.folder, self.staging, self.production = walk, folder, staging, production
        self.rollbacks, self._keys = Rollbacks(walk.ports), 0
        self.rollback = ""

    @property
    def project(self) -> Project:
        return self.w.ports.projects["shop"]

    def key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    def write(self, filename: str, sql: str) -> None:
        (self.folder / filename).write_text(sql)

    def promoted(self, filename: str, sql: str) -> Promotion:
        """A further file, staged, asked for by Ana, approved by Bo, and in."""
        self.write(filename, sql)
        requests = Requests(self.w.ports)
        self.w.walk(requests.stage(ANA, self.project, (), self.key()).record)
        record = requests.promote(ANA, self.project, (), self.key()).record
        self.w.walk(record)
        self.w.journal.append([Fact(about=record, kind="promotion.approved", actor=BO)])
        self.w.walk(record)
        return self.read(record)

    def asks(self, by: str, of: str = "P-1", severity: str = "major", reason: str = "it broke") -> Asked:
        asked = self.rollbacks.ask(by, of, severity, reason, self.key())
        self.rollback = asked.record
        return asked

    def says(self, facts: tuple[Fact, ...]) -> None:
        self.w.journal.append(list(facts))

    def goes(self) -> Record:
        """Everything goes on as far as it goes: the rollback, its staging run, its promotion."""
        for _ in range(6):
            reached = self.w.walk(self.rollback)
            for record in self.w.journal.find(limit=1000):
                if record.kind in ("staging", "promotion"):
                    self.w.walk(record.id)
            if reached.status == "ended":
                break
            if reached.stage in ("staging", "file"):
                self.later(seconds=3)
        return reached

    def later(self, **span: float) -> None:
        self.w.clock.ahead += timedelta(**span)

    def read(self, record: str = "") -> Promotion:
        return Promotion.of(self.w.journal.entries(about=record or self.rollback))

    @property
    def rolling(self) -> Rolling:
        rolling = self.read().rolling
        assert rolling is not None
        return rolling

    def ending(self, record: str = "") -> tuple[str, str]:
        ending = self.read(record).ending
        return (ending.verdict, ending.why) if ending else ("live", "")

    def told(self, kind: str, record: str = "") -> list[dict[str, Any]]:
        entries = self.w.journal.entries(about=record or self.rollback)
        return [dict(entry.data) for entry in entries if entry.kind == kind]

    def tables(self, fresh: Fresh | None = None) -> list[str]:
        query = "select relname::text from pg_class where relnamespace = 'public'::regnamespace order by 1"
        return [row[0] for row in (fresh or self.production).rows(query)]

    def history(self, fresh: Fresh | None = None) -> list[str]:
        query = "select version from supabase_migrations.schema_migrations order by 1"
        return [row[0] for row in (fresh or self.production).rows(query)]


@contextmanager
def shop(
    tmp_path: Path, server: Postgres, files: dict[str, str], policy: str = POLICY, promoted: bool = True,
) -> Iterator[Shop]:
    """P-1 brought these files into production, and is watched."""
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    for name, sql in files.items():
        (folder / name).write_text(sql)
    with (
        fresh_database(server) as staging, fresh_database(server) as production,
        approved(tmp_path, folder, staging.url, production.url, BRISK, whole=policy) as walk,
    ):
        if promoted:
            walk.on()
        yield Shop(walk, folder, staging, production)

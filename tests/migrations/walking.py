"""The real walk without Slack: journal on SQLite, both databases, and a promotion that was staged and approved."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import structlog

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.entry import Entry, Fact
from bot.domain.person import Person
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.migrations.apply import Patience
from bot.migrations.database import PostgresDatabase
from bot.migrations.files import FolderMigrations
from bot.policy import parse_policy
from bot.ports import Backups, NoPages, Pages
from bot.promotions.requests import Requests
from bot.runbooks import backup, promotion, restoring, rollback, staging
from bot.runbooks.walker import Walker
from bot.scrub import Scrubber
from bot.world import Ports, Project

ANA, BO = "U0ANA0001", "U0BO00001"
POLICY = f"""
[approvals]
approvers = ["{BO}"]
required_destructive = 1
[gates]
manual = []
skip = ["pull_request", "sql_check"]
"""
UNSAVED = """
[backups]
when = "never"
"""
RUNBOOKS = {
    "promotion": promotion.RUNBOOK, "staging": staging.RUNBOOK, "backup": backup.RUNBOOK, "rollback": rollback.RUNBOOK,
    "restore": restoring.RUNBOOK,
}


class Everybody:
    def find(self, user: str) -> Person:
        return Person(id=user, full_member=True)


@dataclass
class RealClock:
    """The real time, or one that a test has moved ahead of it."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Walk:
    """A record on its way, and what can be done with it."""

    journal: SqliteJournal
    ports: Ports
    record: str
    stop: bool = False
    clock: RealClock = field(default_factory=RealClock)

    @property
    def requests(self) -> Requests:
        return Requests(self.ports)

    @property
    def project(self) -> Project:
        return self.ports.projects["shop"]

    def later(self, ahead: timedelta) -> Record:
        """Take it as far as it goes once that much time has passed."""
        self.clock.ahead += ahead
        return self.on()

    def resume(self, by: str) -> Record:
        """Press Resume on it, and take what comes of that as far as it goes."""
        self.record = self.requests.resume(by, self.record, f"resume {self.record} {by}").record
        return self.on()

    def approve(self, by: str) -> Record:
        self.journal.append([Fact(about=self.record, kind="promotion.approved", actor=by)])
        return self.on()

    def on(self) -> Record:
        """Take it as far as it goes now, with the backup that it waits for."""
        reached = self._on()
        while reached.status is Status.LIVE and reached.waits_for.startswith("backup BK-"):
            self.walk(reached.waits_for.split()[1].rstrip(","))
            reached = self._on()
        return reached

    def _on(self) -> Record:
        return self.walk(self.record)

    def walk(self, record: str) -> Record:
        """Take any record as far as it goes now."""
        Walker(self.ports, RUNBOOKS).walk(record)
        reached = self.journal.load(record)
        assert reached is not None
        return reached

    @property
    def entries(self) -> list[Entry]:
        return list(self.journal.entries(about=self.record))

    @property
    def promotion(self) -> Promotion:
        return Promotion.of(self.entries)

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [dict(entry.data) for entry in self.entries if entry.kind == kind]


@contextmanager
def approved(
    folder: Path, migrations: Path, staging_url: str, production_url: str, patience: Patience | None = None,
    *more: str, stager: str = ANA, policy: str = "", backups: Backups | None = None, whole: str = "",
    pages: Pages | None = None,
) -> Iterator[Walk]:
    """What is pending was staged, asked for and approved: the next step puts it into production.

    `more` and `policy` are further tables of the policy file.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    clock, unused = RealClock(), cast(Any, None)
    with closing(SqliteJournal(folder / "stagedoor.db", clock, Scrubber(()))) as journal:
        databases = {
            Environment.STAGING: PostgresDatabase(staging_url, "staging", patience),
            Environment.PRODUCTION: PostgresDatabase(production_url, "production", patience),
        }
        project = Project(
            name="shop", migrations=FolderMigrations(migrations), databases=databases,
            policy=parse_policy(whole or "".join((POLICY, *more, policy or UNSAVED))), backups=backups,
        )
        walk = Walk(journal=journal, ports=unused, record="", clock=clock)
        walk.ports = Ports(
            journal=journal, shelves=journal, clock=clock, people=Everybody(), health=unused,
            projects={"shop": project}, wake=lambda record: None, tell=lambda: None, stopping=lambda: walk.stop,
            pages=pages or NoPages(),
        )
        requests = Requests(walk.ports)
        walk.record = requests.stage(stager, project, (), "1").record
        walk.on()
        walk.record = requests.promote(ANA, project, (), "2").record
        walk.on()
        journal.append([Fact(about=walk.record, kind="promotion.approved", actor=BO)])
        yield walk

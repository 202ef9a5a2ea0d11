"""The watcher and the runbooks that it feeds, in one process: real journal, real production, a clock to move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from bot.adapters.sqlite_journal import SqliteJournal
from bot.domain.alert import Alert
from bot.domain.entry import Entry, Fact
from bot.domain.person import Person
from bot.domain.project import Environment
from bot.domain.record import Record, Status
from bot.domain.sighting import Batch, Reach, Severity, Sighting, Source
from bot.migrations.database import PostgresDatabase
from bot.migrations.vitals import PostgresVitals
from bot.policy import parse_policy
from bot.runbooks import alert
from bot.runbooks.walker import Walker
from bot.scrub import Scrubber
from bot.watch.verbs import Alerts
from bot.watch.watcher import Watcher
from bot.world import Ports, Project
from handlers.alerts.alert_view import AlertView

ANA, BO, CY = "U0ANA0001", "U0BO00001", "U0CY00001"
POLICY = f"""
[roles]
operators = ["{ANA}", "{BO}"]
[incidents]
on_call = ["{CY}"]
"""


class Clock:
    """The real time, moved forward by hand."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def forward(self, **by: float) -> None:
        self._ahead += timedelta(**by)


class Everybody:
    def find(self, user: str) -> Person:
        return Person(id=user, full_member=True)


class Post:
    """One project's production, watched. `died` journals stand for processes that ended."""

    def __init__(self, path: Path, url: str = "", policy: str = POLICY, clock: Any = None, **ports: Any) -> None:
        self.clock: Any = clock or Clock()
        self.journal = SqliteJournal(path / "journal.db", self.clock, Scrubber(()))
        unused = cast(Any, None)
        databases = {Environment.PRODUCTION: PostgresDatabase(url, "production")} if url else {}
        project = Project(
            name="shop", migrations=unused, databases=databases, policy=parse_policy(policy),
            vitals=PostgresVitals(url, "production", self.clock) if url else None,
        )
        self.ports = Ports(
            journal=self.journal, shelves=self.journal, clock=self.clock, people=Everybody(), health=unused,
            projects={"shop": project}, wake=lambda record: None, tell=lambda: None, stopping=lambda: False,
            tallies=self.journal, **ports,
        )
        self._marks = 0

    # What happens

    def look(self) -> None:
        Watcher(self.ports).look("shop")

    def happens(self, template: str, times: int = 1, ago: float = 0, **more: Any) -> str:
        """So many events of one fault, so many seconds ago, counted and not judged yet; returns its fingerprint."""
        fingerprint = more.pop("fingerprint", f"{abs(hash(template)) % 2**64:016x}")
        at, role = self.clock.now() - timedelta(seconds=ago), more.pop("role", "authenticated")
        found = []
        for _ in range(times):
            self._marks += 1
            found.append(Sighting(**{
                "project": "shop", "environment": Environment.PRODUCTION, "source": Source.POSTGRES,
                "severity": Severity.ERROR, "sqlstate": "42703", "fingerprint": fingerprint, "template": template,
                "at": at, "mark": self._marks, "role": role, **more,
            }))
        self.journal.fold([Batch(sightings=found)])
        return str(fingerprint)

    def read_up_to(self, moment: datetime) -> None:
        reach = Reach(
            project="shop", environment=Environment.PRODUCTION, channel="drain", up_to=moment, heard=moment,
        )
        self.journal.fold([Batch(reached=[reach])])

    def judge(self, journal: Any = None) -> None:
        Watcher(replace(self.ports, journal=journal or self.journal)).logs()

    def walk(self, journal: Any = None) -> None:
        """Walk every alert once."""
        ports = replace(self.ports, journal=journal or self.journal)
        for record in self.journal.find(kind="alert", status=Status.LIVE):
            Walker(ports, {"alert": alert.RUNBOOK}).walk(record.id)

    def says(self, facts: Sequence[Fact], puts: Any = ()) -> None:
        self.journal.append(facts, puts=puts)

    @property
    def people(self) -> Alerts:
        return Alerts(self.ports)

    # What is seen

    @property
    def alerts(self) -> list[Alert]:
        return [Alert.of(self.journal.entries(about=each.id)) for each in self.records]

    @property
    def records(self) -> list[Record]:
        return self.journal.find(kind="alert")

    def entries(self, about: str, *kinds: str) -> list[Entry]:
        return [entry for entry in self.journal.entries(about=about) if not kinds or entry.kind in kinds]

    def card(self, about: str) -> str:
        record = self.journal.load(about)
        assert record
        return AlertView(self.ports, Scrubber(()), lambda action: True).card(record).text

    def buttons(self, about: str) -> list[str]:
        record = self.journal.load(about)
        assert record
        body: Any = AlertView(self.ports, Scrubber(()), lambda action: True).card(record).to_json()
        rows = [block["elements"] for block in body["blocks"] if block["type"] == "actions"]
        return [button["text"]["text"] for row in rows for button in row]

    def lines(self, about: str) -> list[str]:
        record = self.journal.load(about)
        assert record
        view = AlertView(self.ports, Scrubber(()))
        drawn = [view.line(record, entry) for entry in self.journal.entries(about=about)]
        return [line.message.text for line in drawn if line]


@contextmanager
def post(path: Path, url: str = "", policy: str = POLICY, clock: Any = None, **ports: Any) -> Iterator[Post]:
    made = Post(path, url, policy, clock, **ports)
    with closing(made.journal):
        yield made

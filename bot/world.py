"""What stages and requests may use: the projects, the ports, and one walk's view of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bot.domain.entry import SYSTEM, Entry, Fact, Json
from bot.domain.project import Environment
from bot.domain.record import Claim, Record
from bot.policy import Policy
from bot.policy.terms import stricter
from bot.ports import (
    Backups,
    Clock,
    CodeHost,
    Database,
    Health,
    Journal,
    Levers,
    Migrations,
    NoPages,
    Pager,
    Pages,
    People,
    Pictures,
    PlatformBackups,
    Put,
    Shelves,
    Tallies,
    Vitals,
)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project as Stagedoor reaches it: its files, its two databases and its policy.

    `directory` is the migrations folder's path in the repository that `host` has; `reviewed` says that the host
    is also asked about pull requests, which takes a token.
    """

    name: str
    migrations: Migrations
    databases: Mapping[Environment, Database]
    policy: Policy
    host: CodeHost | None = None
    directory: str = ""
    reviewed: bool = False
    backups: Backups | None = None
    platform: PlatformBackups | None = None
    """What Supabase keeps of production, where the Management API is configured."""
    levers: Levers | None = None
    """The policy's flags and its way to take code back; None: people have to do it by hand."""
    vitals: Vitals | None = None
    """How production is doing; None where nobody looks."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything outside, opened once at the front door."""

    journal: Journal
    shelves: Shelves
    clock: Clock
    people: People
    health: Health
    projects: Mapping[str, Project]
    wake: Callable[[str], None]
    tell: Callable[[], None]
    stopping: Callable[[], bool]
    pages: Pages = field(default_factory=NoPages)
    tallies: Tallies | None = None
    pager: Pager | None = None
    pictures: Pictures | None = None
    serving: Callable[[], bool] = lambda: True
    """Whether this process surely still is the one that serves the store; one that was frozen has to find out first."""

    @property
    def policies(self) -> dict[str, Policy]:
        """The policy of each project, by name."""
        return {name: project.policy for name, project in self.projects.items()}

    def project_of(self, name: str, terms: Mapping[str, Json]) -> Project:
        """A project under the stricter of its policy and the terms that a record was asked for under."""
        project = self.projects[name]
        return replace(project, policy=stricter(project.policy, terms))


@dataclass(frozen=True, kw_only=True)
class World:
    """One walk's view of everything outside. What it writes carries the walk's claim."""

    ports: Ports
    record: Record
    claim: Claim
    terms: Mapping[str, Json] = field(default_factory=dict)

    @cached_property
    def project(self) -> Project:
        return self.ports.project_of(self.record.project, self.terms)

    @property
    def policy(self) -> Policy:
        return self.project.policy

    def note(self, kind: str, data: Mapping[str, Json]) -> tuple[Entry, ...]:
        """Journal a fact about this record now. Raises `Superseded` when another walk has begun."""
        return self.note_together((kind, data))

    def note_together(
        self, *notes: tuple[str, Mapping[str, Json]], puts: Sequence[Put] = (),
    ) -> tuple[Entry, ...]:
        """Journal several facts in one transaction, and documents beside them."""
        facts = [Fact(about=self.record.id, kind=kind, actor=SYSTEM, data=data) for kind, data in notes]
        entries = self.ports.journal.append(facts, claim=self.claim, puts=puts)
        self.ports.tell()
        return entries or ()

    def put(self, *puts: Put) -> None:
        """Write documents, unless another walk of this record has begun: then `Superseded` is raised."""
        self.ports.journal.append((), claim=self.claim, puts=puts)

    def progress(self, data: Mapping[str, Json]) -> None:
        """Show how far it is, outside the chain."""
        self.put(self.far(data))
        self.ports.tell()

    def far(self, data: Mapping[str, Json]) -> Put:
        """How far it is, to be written together with something else."""
        return Put(shelf="progress", key=self.record.id, doc=data)

    def stopping(self) -> bool:
        return self.ports.stopping()

    def hold_project(self) -> str:
        """Take the project for this record's changes to a database; returns the record that holds it, maybe another."""
        key = f"{self.record.project}:{self._lane}"
        return str(self.ports.shelves.put_new("hold", key, {"record": self.record.id})["record"])

    def hold_staging(self) -> str:
        """Take staging for a trial that leaves no trace; returns the record that holds it, maybe another."""
        key = f"{self.record.project}:staging"
        return str(self.ports.shelves.put_new("hold", key, {"record": self.record.id})["record"])

    def release_staging(self) -> None:
        """Let staging go, if this record holds it."""
        self._release(f"{self.record.project}:staging")

    def release_project(self) -> None:
        """Let the next record have the project, if this one holds it."""
        self._release(f"{self.record.project}:{self._lane}")
        self.release_staging()

    @property
    def _lane(self) -> str:
        """What changes the same database goes in one by one: promotions, rollbacks, and rows that are put back."""
        return "promotion" if self.record.kind in ("rollback", "restore") else self.record.kind

    def _release(self, key: str) -> None:
        held = self.ports.shelves.get("hold", key)
        if held and held["record"] == self.record.id:
            # A walk that was overtaken must not let go of what its successor works under.
            self.put(Put(shelf="hold", key=key, doc=None))

"""Evidence: the facts about a plan that gates judge, gathered once and without opinion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.backup import Backing
from bot.domain.baseline import Difference, Kind
from bot.domain.checklist import State
from bot.domain.drift import Drift
from bot.domain.entry import Json
from bot.domain.finding import Report
from bot.domain.migration import Match
from bot.domain.plan import Plan
from bot.domain.review import Reviews
from bot.domain.risks import Ran
from bot.domain.values import maps
from bot.domain.visit import Visit
from bot.domain.way_back import Proof


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a migration history; `match` compares it with the local file, None where there is no such file."""

    version: str
    name: str
    match: Match | None


@dataclass(frozen=True, kw_only=True)
class Staged:
    """Stagedoor's own staging run of a version: which bytes, when it was verified, how long it took (seconds)."""

    sha256: str
    at: datetime
    record: str
    seconds: float
    locks: tuple[str, ...] = ()
    """What it locked there, in sentences beside production's sizes."""
    before: str = ""
    after: str = ""
    """SHA-256 of the catalogs that it found and left, where they were seen."""
    changes: str = ""
    """SHA-256 of what it touched in them (`bot.evidence.changes`)."""
    head: str = ""
    """Staging's newest version before that run."""
    ran: tuple[Ran, ...] = ()
    """What it showed of the lines that nobody could read."""

    @classmethod
    def from_json(cls, doc: Mapping[str, Json]) -> Staged:
        """The run as its document has it."""
        seconds, locks = doc["seconds"], doc.get("locks")
        before, after, changes, head = (str(doc.get(each, "")) for each in ("before", "after", "changes", "head"))
        return cls(
            sha256=str(doc["sha256"]), at=datetime.fromisoformat(str(doc["at"])), record=str(doc["record"]),
            seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
            locks=tuple(map(str, locks)) if isinstance(locks, list) else (),
            before=before, after=after, changes=changes, head=head,
            ran=tuple(map(Ran.from_json, maps(doc.get("ran")))),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "sha256": self.sha256, "at": self.at.isoformat(), "record": self.record, "seconds": self.seconds,
            "locks": list(self.locks), "before": self.before, "after": self.after, "changes": self.changes,
            "head": self.head, "ran": [each.to_json() for each in self.ran],
        }


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A person's word for a manual line."""

    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """An approver's word in place of an automatic gate's, given for what the gate said then."""

    by: str
    at: datetime
    reason: str
    state: State
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Asserted:
    """What a database answers to a test that an incident left behind; None could not be asked, and `why` says so."""

    measure: str
    incident: str
    text: str
    where: str
    holds: bool | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """The promotion that this one follows; `brings` are the versions that it, and those before it, still have to."""

    record: str
    live: bool
    brings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the gates may look at. A history of None could not be read, and `unread` says why."""

    plan: Plan
    gathered: datetime
    local: Mapping[str, str] | None
    """SHA-256 of each local file by version, in the folder's order."""
    target: tuple[Row, ...] | None
    """The history of the database that the plan is for."""
    staging: tuple[Row, ...] | None
    unread: Mapping[str, str] = field(default_factory=dict)
    """Why something could not be read: by `files`, `target`, `staging`, `reviews`."""
    staged: Mapping[str, Staged] = field(default_factory=dict)
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    manual: tuple[str, ...] = ()
    obstacles: Mapping[str, str] = field(default_factory=dict)
    """What keeps a planned file from being put in, by version."""
    alone: Mapping[str, str] = field(default_factory=dict)
    """The statement of each planned file that runs outside a transaction, by version."""
    applied: tuple[str, ...] = ()
    """Versions of the plan that this very run has already committed."""
    ahead: Ahead | None = None
    expires: timedelta = timedelta(days=7)
    accepted: frozenset[Difference] = frozenset()
    """Differences that a baseline accepted for good."""
    elsewhere: frozenset[str] = frozenset()
    """Versions of the target that Stagedoor staged from pull requests: their files are not in the folder yet."""
    files_as_of: datetime | None = None
    """Set where the code host does not answer and the files are the ones that were read then."""
    blobs: Mapping[str, str] = field(default_factory=dict)
    """Git's hash of each planned file's bytes by version."""
    code_host: bool = False
    """Whether a code host can tell about pull requests; without one a person's tick does."""
    reviews: Reviews | None = None
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    """By the gate's name."""
    lint: Report | None = None
    """What the checks say of the planned files, weighed by the target's sizes; None where nobody asked."""
    pages: tuple[Visit, ...] = ()
    """The policy's staging pages as the newest staging run of the plan's files saw them."""
    drift: Drift | None = None
    """How staging and production differ for no known reason; None where nobody could compare them."""

    backup: Backing | None = None
    """Whether the backup that the plan needs can be taken now; None where it needs none."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """What was tried as each planned file's way back, by version."""
    rollbacks: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each planned file's rollback file by version, where there is one."""

    asserted: tuple[Asserted, ...] = ()

    def is_accepted(self, kind: Kind, version: str) -> bool:
        """Whether a baseline accepted this of the plan's environment, for the bytes that the file has now."""
        sha256 = "" if kind is Kind.MISSING else (self.local or {}).get(version, "")
        environment = self.plan.environment
        return Difference(kind=kind, environment=environment, version=version, sha256=sha256) in self.accepted

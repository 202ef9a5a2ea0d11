"""What Stagedoor asks of the world; each port has its adapters in one place and one contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.backup import Kept, OfPlatform, Proven
from bot.domain.catalog import Snapshot
from bot.domain.entry import Entry, Fact, Json
from bot.domain.migration import Applied, Folder
from bot.domain.person import Person
from bot.domain.reading import Reading
from bot.domain.record import Claim, Record, Status
from bot.domain.review import CommitStatus, Origin, Pull, Reviewed
from bot.domain.visit import Visit
from bot.domain.watching import Spot
from bot.domain.way_back import Change, WayBack


class Clock(Protocol):
    """The time; passed in, so that tests never sleep."""

    def now(self) -> datetime:
        """The present moment, timezone-aware, UTC."""
        ...


@dataclass(frozen=True, kw_only=True)
class Put:
    """A document for a shelf: plain JSON outside the chain, written in the same transaction as the facts it goes with.

    A `doc` of None takes the document away.
    """

    shelf: str
    key: str
    doc: Mapping[str, Json] | None


class Journal(Protocol):
    """The truth: an append-only, hash-chained list of entries, and the projections of the records they are about."""

    def append(
        self, facts: Sequence[Fact], *, key: str | None = None, claim: Claim | None = None, puts: Sequence[Put] = (),
    ) -> tuple[Entry, ...] | None:
        """Chain the facts, write the puts, remember the delivery key and finish that inbox row, all in one transaction.

        Returns None, and writes nothing, when the key was seen before. Raises `Superseded`
        when `claim` is no longer the newest of its record.
        """
        ...

    def load(self, record: str) -> Record | None:
        """The record's projection, or None when nothing is known of it."""
        ...

    def project(self, record: Record, claim: Claim, facts: Sequence[Fact] = ()) -> Record:
        """Write where a record stands, together with the facts that brought it there, in one transaction.

        Stage, status, due, waits_for, folded and summary are taken from `record`. The given facts
        count as folded only when nobody else appended about the record since `record.folded`;
        otherwise the record stays due. Raises `Superseded` when the claim is void.
        """
        ...

    def find(
        self, *, kind: str | None = None, project: str | None = None, status: Status | None = None,
        due_by: datetime | None = None, unannounced: bool = False, limit: int = 1000,
    ) -> list[Record]:
        """Records, oldest first. `due_by`: live ones whose due time has come or that have unfolded entries.

        `unannounced`: those with entries past what Slack shows.
        """
        ...

    def entries(self, about: str | None = None, since: int = 0) -> Iterator[Entry]:
        """Entries with `seq` past `since`, in order."""
        ...

    def search(self, words: str, limit: int = 50) -> list[Entry]:
        """Entries whose text holds all the words, newest first."""
        ...

    def claim(self, record: str) -> Claim:
        """A new fencing number for the record; every earlier claim on it becomes void."""
        ...

    def number(self, series: str) -> int:
        """The next number of a series, counting from 1 (`P-31` is number 31 of series `P`)."""
        ...

    def announced(self, record: str, seq: int) -> None:
        """Note that Slack shows everything about the record up to entry `seq`."""
        ...


class Shelves(Protocol):
    """Side tables outside the chain: documents by shelf and key, bytes by their hash, erasable text by entry."""

    def put(self, puts: Sequence[Put]) -> None:
        """Write documents in one transaction."""
        ...

    def put_new(self, shelf: str, key: str, doc: Mapping[str, Json]) -> Mapping[str, Json]:
        """Write the document unless the key is taken; returns the document that stands there now."""
        ...

    def get(self, shelf: str, key: str) -> Mapping[str, Json] | None:
        """The document, or None."""
        ...

    def all(self, shelf: str) -> dict[str, Mapping[str, Json]]:
        """Every document of a shelf by key, oldest first."""
        ...

    def keep(self, content: bytes) -> str:
        """Store bytes under their SHA-256 (hex), which is returned; storing them again changes nothing."""
        ...

    def fetch(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises `Unknown` when they were never kept."""
        ...

    def private(self, entry: str) -> str | None:
        """The erasable text of an entry; None when it had none or it was erased."""
        ...

    def erase(self, entry: str, actor: str) -> None:
        """Take an entry's text away for good and append a redaction entry; the chain stays intact."""
        ...


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Something that Slack delivered and that was acknowledged: kind is command, action, view, shortcut or event."""

    key: str
    kind: str
    payload: Mapping[str, Json]
    received: datetime
    attempts: int = 0


class Inbox(Protocol):
    """Deliveries that were acknowledged and are not yet worked off; `Journal.append(key=…)` finishes one."""

    def receive(self, delivery: Delivery) -> bool:
        """Store a delivery durably before it is acknowledged; False when its key was seen before."""
        ...

    def pending(self, now: datetime) -> list[Delivery]:
        """Deliveries whose turn has come, oldest first."""
        ...

    def postpone(self, key: str, until: datetime) -> None:
        """Try a delivery again later; counts the attempt."""
        ...


class People(Protocol):
    """Who somebody is in Slack, asked at the moment of use."""

    def find(self, user: str) -> Person:
        """The person as Slack knows them now. Raises `Unreachable` without an answer, `Unknown` for no such user."""
        ...


class Work(Protocol):
    """Wakes what waits; a lost wake-up costs seconds, since a sweep asks the journal as well."""

    def wake(self, record: str) -> None:
        """Walk this record soon."""
        ...

    def tell(self) -> None:
        """Show in Slack what changed, soon."""
        ...


@dataclass(frozen=True, kw_only=True)
class Added:
    """Where a new file is: in the folder, or in a pull request (`url`) that has to be merged yet."""

    where: str
    url: str = ""
    merged: bool = True


class Migrations(Protocol):
    """Where a project's migration files are read from."""

    def read(self) -> Folder:
        """The folder as it is now. Raises `Unreachable` when it cannot be read."""
        ...

    def add(self, filename: str, content: bytes, title: str, said: str) -> Added:
        """Put a new file there, exactly these bytes; once, however often it is asked for.

        `title` and `said` introduce it where it has to be reviewed. Raises `Unreachable`, and `Refused` where
        another file has that name or a right lacks.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a folder at a commit: git's hash of each plain one by name, and names of links and the like."""

    blobs: Mapping[str, str]
    odd: tuple[str, ...] = ()


class CodeHost(Protocol):
    """Where the repository and its pull requests live.

    Everything raises `Unreachable` without an answer, `Unknown` for what is not there, `Refused` where a right lacks.
    """

    @property
    def repository(self) -> str:
        """`owner/name`."""
        ...

    def branch(self) -> str:
        """The branch that is promoted."""
        ...

    def head(self) -> str:
        """That branch's last commit."""
        ...

    def listing(self, commit: str, folder: str) -> Listing:
        """The files of a folder at a commit."""
        ...

    def blob(self, sha: str) -> bytes:
        """The bytes whose git hash is `sha`, checked."""
        ...

    def pull(self, number: int) -> Pull:
        """A pull request as it stands now."""
        ...

    def changed(self, number: int) -> Mapping[str, bool]:
        """Paths that a pull request touches; False for those it takes away."""
        ...

    def reviewed(self, number: int, folder: str) -> Reviewed:
        """A pull request with all that was said about its last commit."""
        ...

    def origin(self, path: str) -> Origin | None:
        """How the newest state of a file came to the branch; None for a file that is not there."""
        ...

    def open_pulls(self) -> tuple[Pull, ...]:
        """Open pull requests into the branch."""
        ...

    def propose(self, path: str, content: bytes, title: str, said: str) -> Pull:
        """A pull request that brings one new file to the branch; the one that is open already, where there is one."""
        ...

    def issue(self, title: str, said: str) -> str:
        """The address of the issue with this title, which is opened unless there is one."""
        ...

    def say(self, commit: str, status: CommitStatus) -> None:
        """Tell a commit about its way to production."""
        ...

    def comments(self, number: int) -> list[tuple[int, str]]:
        """Number and text of each comment on a pull request."""
        ...

    def comment(self, number: int, body: str) -> int:
        """Comment on a pull request; returns the comment's number."""
        ...

    def edit_comment(self, comment: int, body: str) -> None:
        """Give a comment another text. Raises `Unknown` when it is gone."""
        ...


class Health(Protocol):
    """Addresses that must answer."""

    def check(self, url: str) -> str | None:
        """None when the address answered 2xx, otherwise what it did instead."""
        ...


class Vitals(Protocol):
    """How one database is doing."""

    def read(self, slow_ms: int) -> Reading:
        """One cheap look; what of it could not be read is named in it. Raises `Unreachable`."""
        ...

    def spots(self, tables: Sequence[str]) -> tuple[Spot, ...]:
        """Spot checks of these tables, as far as they are there. Raises `Unreachable`."""
        ...


class Pager(Protocol):
    """Who wakes somebody. Every verb may be said twice with the same key: it counts once. All raise `Unreachable`."""

    def trigger(self, key: str, summary: str, details: Mapping[str, Json]) -> None: ...

    def acknowledge(self, key: str, by: str) -> None: ...

    def resolve(self, key: str) -> None: ...


class Pictures(Protocol):
    """Curves for threads."""

    def errors_per_minute(self, drawing: Mapping[str, Json]) -> bytes:
        """A PNG of `minutes` (`[[ISO time, count], …]`), `title` and `marks`. Raises `Unreachable` where none comes."""
        ...


class Pages(Protocol):
    """Pages that people use."""

    def visit(self, url: str) -> Visit:
        """Open a page and look; whatever goes wrong is part of what was seen. May take a minute."""
        ...


class NoPages:
    """Where nobody looks at pages, every visit says so."""

    def visit(self, url: str) -> Visit:
        return Visit(url=url, trouble="nobody looks at pages here")


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What came of turning a flag or of taking a code deployment back, in the words of the other side.

    `state`: in_force (since `in_force_at`), following (ask again with `follows`), accepted (nobody here can see when it
    acts), manual (a person takes the `steps`), failed, or unknown (it may have acted; nobody can say).
    """

    state: str
    answer: str
    in_force_at: datetime | None = None
    before: str = ""
    way_back: str = ""
    steps: tuple[str, ...] = ()
    follows: Mapping[str, Json] = field(default_factory=dict)


class Levers(Protocol):
    """What can be turned outside of the database to stop the bleeding. Nothing here raises: the answer says it."""

    def turn(self, flag: str, to: str, attempt: str, *, again: bool) -> Turned:
        """Give a flag of the policy this value. `again`: an earlier try of the same attempt may have acted."""
        ...

    def revert(self, attempt: str, *, again: bool) -> Turned:
        """Take the newest code deployment back, or, with the way back of an earlier attempt, put it in place again."""
        ...

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        """How far what was begun is."""
        ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a database noted while it worked on an attempt: which file, what happened, how far."""

    kind: str
    data: Mapping[str, Json] = field(default_factory=dict)


class Noting(Protocol):
    """How an apply tells what it does. `note` is journalled before the next statement runs; `progress` is not.

    `progress` comes at each statement, and again now and then while one runs: whoever shows it picks what to show.
    """

    def note(self, kind: str, data: Mapping[str, Json]) -> None: ...

    def progress(self, data: Mapping[str, Json]) -> None: ...

    def stopping(self) -> bool:
        """True once the process was asked to end: begin nothing new."""
        ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file to be put into one database.

    `head` is the version that must be the newest in the history when the lock is held (None: empty history).
    `attempt` names this try in pg_stat_activity (`stagedoor:ATTEMPT`).
    """

    attempt: str
    version: str
    name: str
    content: bytes
    head: str | None
    lock_timeout: float
    statement_timeout: float
    witness: bool = False
    """Whether to look, after each statement, at what it locked and changed."""
    keep: bool = False
    """Whether rows that a statement destroys are copied first, in the same transaction."""
    begun: Mapping[str, Json] = field(default_factory=dict)
    """What an earlier try noted last as `alone`, of a statement that runs outside a transaction."""

    @property
    def label(self) -> str:
        """`VERSION name`, as people write it."""
        return f"{self.version} {self.name}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Done:
    """The file is in, together with its history row. Durations are seconds."""

    seconds: float
    statements: int
    recovered: bool = False
    seen: Mapping[str, Json] = field(default_factory=dict)
    """What a witness saw: locks and rows by table; empty where there was none."""
    said: str = ""
    """How it went in, where that was not in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The file is not in. `sqlstate` is empty where the server did not say one.

    `clean` is False when a part of it may be in all the same, without a history row: somebody has to look.
    """

    why: str
    sqlstate: str = ""
    statement: int = 0
    line: int = 0
    sql: str = ""
    retry: bool = False
    clean: bool = True
    blockers: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """What stays half-done, and is seen to first by the next try."""


@dataclass(frozen=True, kw_only=True)
class InDoubt:
    """Nobody can say yet whether the file is in: an earlier backend works on it, or the server is out of reach."""

    why: str


class Applier(Protocol):
    """Puts files into one database, one after the other."""

    def apply(self, job: Job, noting: Noting) -> Done | Failed | InDoubt:
        """Put one file in by the protocol of docs/apply.md; running it again after any crash is safe."""
        ...


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """Rows that a promotion destroyed and that are kept inside the database: of which tables, how many, since when."""

    record: str
    tables: tuple[str, ...]
    rows: int
    since: datetime
    restored: bool


class Database(Protocol):
    """One environment's Postgres, seen through the migration history and the apply protocol."""

    def history(self) -> tuple[Applied, ...]:
        """The rows of the Supabase CLI's history table in version order; empty when the table does not exist.

        Raises `Unreachable` when the server does not answer.
        """
        ...

    def activity(self) -> int:
        """How many transactions this database has ended since its counters began."""
        ...

    def identity(self) -> str:
        """What the server says it is: database, address and version, without secrets."""
        ...

    def applier(self) -> AbstractContextManager[Applier]:
        """Puts files in, over one session for as long as all goes well; the session ends with the context."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """About how many rows each table of the user's schemas holds, by `schema.table`. Raises `Unreachable`."""
        ...

    def index_scans(self) -> Mapping[str, int]:
        """How often each index of the user's schemas was scanned, by `schema.index`. Raises `Unreachable`."""
        ...

    def kept_rows(self) -> tuple[KeptRows, ...]:
        """What is kept inside this database, by promotion, newest first. Raises `Unreachable`."""
        ...

    def put_back(self, record: str, lock_timeout: float) -> Mapping[str, int]:
        """Put the kept rows of a promotion back, in one transaction; how many by table.

        Raises `Refused` with nothing changed, `Busy` (its message is what it waits for) likewise, and `Unreachable`
        where that is not known.
        """
        ...

    def forget_rows(self, record: str) -> None:
        """Take away the kept rows of a promotion for good. Raises `Unreachable`."""
        ...

    def holds(self, sql: str) -> bool:
        """Whether a question answers with one true; it can change nothing. Raises `Refused` and `Unreachable`."""
        ...

    def leftovers(self) -> tuple[str, ...]:
        """INVALID indexes and NOT VALID constraints of user schemas, as sentences, sorted."""
        ...

    def catalog(self) -> Snapshot:
        """What the user schemas hold, by name. Raises `Unreachable`."""
        ...

    def prove(
        self, changes: Sequence[Change], *, attempt: str, lock_timeout: float, statement_timeout: float,
        stopping: Callable[[], bool],
    ) -> tuple[WayBack, ...]:
        """Try the way back from the newest files and up again, in one transaction that is rolled back.

        Raises `Unreachable`, and `Refused` while another Stagedoor session changes this database.
        """
        ...

    def take_back(self, job: Job, aim: Snapshot | None, stopping: Callable[[], bool]) -> bool:
        """Run the way back that `job` holds and remove its version from the history, in one transaction.

        False when the version is not there any more. Raises `Unreachable`, and `Refused` with nothing changed.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A dump that was written and does not count yet. `rows` are the counts of its snapshot, as JSON."""

    unfinished: str
    size: int
    sha256: str
    seconds: float
    server: str
    rows: bytes
    tables: int
    left_out: tuple[str, ...] = ()


class Reporting(Protocol):
    """How long work tells how far it is, and learns that it has to end."""

    def progress(self, data: Mapping[str, Json]) -> None: ...

    def stopping(self) -> bool: ...


class PlatformBackups(Protocol):
    """What the database's platform keeps by itself."""

    def read(self) -> OfPlatform:
        """Ask. Raises `Unreachable` with why it could not be learned."""
        ...


class Backups(Protocol):
    """Takes dumps of one project's production, proves them and keeps them.

    Everything raises `Refused` with what went wrong in words for a person, and `Unreachable` for what may pass.
    """

    def ready(self, proof: str) -> str:
        """What a backup would be taken with, if one can be taken now."""
        ...

    def dump(self, id: str, only: Sequence[tuple[str, str]], reporting: Reporting) -> Dump:
        """Dump through one snapshot, whole or of these tables (schema, name); what was left before is taken away."""
        ...

    def prove(self, given: Dump, how: str, reporting: Reporting) -> Proven:
        """Read it whole (`read`), or restore it into a scratch database (`restore`), and compare all row counts."""
        ...

    def keep(self, given: Dump, name: str) -> Kept:
        """Let a proven dump count, under that name; safe to repeat."""
        ...

    def discard(self, id: str) -> None:
        """Take away whatever of a backup does not count."""
        ...

    def remove(self, kept: Kept) -> None:
        """Take a kept dump away for good."""
        ...

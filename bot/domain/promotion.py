"""A promotion: everything its entries add up to. Staging runs are promotions with another runbook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.backup import HELD_KINDS, Held, held
from bot.domain.baseline import Difference
from bot.domain.carried import Carried
from bot.domain.checklist import Check, State
from bot.domain.course import STEPS, Course
from bot.domain.emergency import EMERGENCY, Emergency
from bot.domain.entry import Entry, Json
from bot.domain.evidence import Tick, Waiver
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.rolling_back import ROLLING, TAKEN, Rolling, TakenBack
from bot.domain.source import Source
from bot.domain.visit import Visit
from bot.domain.watching import STEPS as WATCH_STEPS
from bot.domain.watching import Watched
from bot.domain.way_back import WayBack
from bot.domain.window import Span


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A file that is in: since when, and how long its transaction took (seconds)."""

    at: datetime
    seconds: float
    statements: int
    recovered: bool


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A try at one file that was begun; without an outcome it is in doubt and the database decides."""

    id: str
    version: str
    open: bool = True


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a file did not go in. When it is not `clean`, a part of it may be in all the same."""

    version: str
    why: str
    sqlstate: str
    statement: int
    line: int
    clean: bool = True
    blockers: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """What stays half-done, and is seen to first by the next try."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a promotion ended: done, rejected, cancelled, expired, refused, failed or unverified; and in which words."""

    verdict: str
    why: str
    at: datetime
    by: str


@dataclass(frozen=True, kw_only=True)
class RunNow:
    """A start outside of the windows: who asked for it and why; it counts once an approver gave it."""

    asked_by: str
    reason: str
    given_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One run of a plan, folded from its entries in order."""

    id: str
    kind: str
    plan: Plan
    requested_by: str
    requested_at: datetime
    terms: Mapping[str, Json] = field(default_factory=dict)
    checklist: tuple[Check, ...] = ()
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    authors: tuple[str, ...] = ()
    """Who wrote or pushed the files, by their logins at the code host."""
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    approvals: Mapping[str, datetime] = field(default_factory=dict)
    asked_at: datetime | None = None
    rejected: tuple[str, str] | None = None
    cancelled_by: str = ""
    lined_up: datetime | None = None
    """Since when it has all that it needs and waits for its turn."""
    planned: datetime | None = None
    """The opening that it waits for, once it had to wait for one."""
    held: bool = False
    """Whether it had to wait while no opening was in sight."""
    scheduled: Span | None = None
    """The window that somebody put it into."""
    run_now: RunNow | None = None
    window_opens: datetime | None = None
    """The opening before which its people were asked to be there."""
    attended_by: str = ""
    attempt: Attempt | None = None
    committed: Mapping[str, Committed] = field(default_factory=dict)
    failure: Failure | None = None
    retries: int = 0
    leftovers: tuple[str, ...] | None = None
    verified: str = ""
    watch_until: datetime | None = None
    watched: str = ""
    looks: Watched = field(default_factory=Watched)
    ending: Ending | None = None
    catalogs: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the catalog before each file by version, and of the one after all under the empty one."""
    seen: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """What each file locked and changed, by version, as its transaction saw it."""
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ways: tuple[WayBack, ...] = ()
    """What this run's own trials of the way back said."""
    shown: bool = False
    """Whether what a staging run showed was gathered."""
    takes_back: Mapping[str, Json] = field(default_factory=dict)
    """Set where a version is staged anew: what of it is on staging, and the proven way back from that."""
    pages: tuple[Visit, ...] = ()
    """The policy's pages, as they were seen after a staging run."""
    drift: str = ""
    """SHA-256 of what was last told of drift between staging and production."""
    way_back: Mapping[str, Json] = field(default_factory=dict)
    """What the card says of the way back: schema, lost, given_up, locks; and the proven SQL by version."""
    restores: str = ""
    """Set where the rows that another promotion destroyed are put back: which one."""
    kept_rows: Mapping[str, Json] = field(default_factory=dict)
    """What there is to put back: tables, rows, since."""
    keeps: bool = False
    """Whether rows were kept inside production, of what it destroyed."""
    restoring: bool = False
    restored: Mapping[str, int] = field(default_factory=dict)
    """How many rows are back, by table."""
    rolling: Rolling | None = None
    """Set where the record is a rollback: what it takes back."""
    emergency: Emergency | None = None
    on_behalf: str = ""
    """The rollback that had this staging run begun."""
    taken_back: TakenBack | None = None
    """The newest rollback of this promotion."""
    backup: Held | None = None
    """The dump that is taken before it begins."""
    course: Course = field(default_factory=Course)

    @property
    def lost(self) -> tuple[str, ...]:
        """Data that the plan destroys for good, as its trial on staging found."""
        return _texts(self.way_back.get("lost", []))

    @property
    def remaining(self) -> tuple[PlannedFile, ...]:
        """The files of the plan that are not in yet, in order."""
        return tuple(file for file in self.plan.files if file.version not in self.committed)

    @property
    def expected_head(self) -> str | None:
        """The approved head plus our own committed prefix: what the history must end with before the next file."""
        done = [file.version for file in self.plan.files if file.version in self.committed]
        return done[-1] if done else self.plan.head

    @property
    def so_far(self) -> Promotion:
        """The same with a plan of what is in; for what is done with it where the rest stopped."""
        files = tuple(file for file in self.plan.files if file.version in self.committed)
        return replace(self, plan=replace(self.plan, files=files)) if self.course.stopped else self

    @property
    def changed_something(self) -> bool:
        return bool(self.committed)

    @property
    def may_have_changed(self) -> bool:
        """True when nobody can say what the last failure left behind: somebody has to look at the database."""
        return self.failure is not None and not self.failure.clean

    @property
    def began(self) -> bool:
        """True while the database may be changing or has changed; from then on it is too late to cancel."""
        return self.attempting or self.changed_something or self.restoring

    @property
    def attempting(self) -> bool:
        """True from the attempt at a file until it is known what became of it."""
        return self.attempt is not None and self.attempt.open

    @property
    def waited(self) -> bool:
        """Whether it starts later than its approval."""
        return self.held or self.planned is not None

    @property
    def where(self) -> str:
        return "production" if self.plan.environment is Environment.PRODUCTION else "staging"

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Promotion:
        """Fold entries, oldest first; kinds that this release does not know are passed over.

        Raises ValueError when the entries do not begin with the request.
        """
        rest = iter(entries)
        first = next(rest, None)
        if first is None:
            raise ValueError("a promotion without a request")
        return _requested(first).after(rest)

    def after(self, entries: Iterable[Entry]) -> Promotion:
        """The promotion as these further entries leave it."""
        promotion = self
        for entry in entries:
            if fold := _FOLDS.get(entry.kind):
                promotion = fold(promotion, entry)
        return promotion


def plan_from_json(data: Mapping[str, Json]) -> Plan:
    """The plan as it was journalled."""
    files = data["files"]
    assert isinstance(files, list)
    return Plan(
        project=str(data["project"]),
        environment=Environment(str(data["environment"])),
        head=None if data["head"] is None else str(data["head"]),
        files=tuple(_file(file) for file in files if isinstance(file, dict)),
        accepts=tuple(Difference.parse(text) for text in _texts(data.get("accepts", []))),
        source=Source.from_json(source) if isinstance(source := data.get("source"), dict) else None,
        after=str(data.get("after", "")),
    )


def _file(data: Mapping[str, Json]) -> PlannedFile:
    return PlannedFile(
        version=str(data["version"]),
        name=str(data["name"]),
        filename=str(data["filename"]),
        sha256=str(data["sha256"]),
        statements=_int(data["statements"]),
        purpose=str(data.get("purpose", "")), risks=_texts(data.get("risks", [])),
    )


def _requested(entry: Entry) -> Promotion:
    plan, terms = entry.data.get("plan"), entry.data.get("terms")
    if entry.kind != "promotion.requested" or not isinstance(plan, dict):
        raise ValueError(f"{entry.about} does not begin with its request")
    resumes = entry.data.get("resumes")
    words = Carried.from_json(resumes.get("carried") if isinstance(resumes, dict) else None)
    return Promotion(
        id=entry.about,
        kind=str(entry.data["kind"]),
        plan=plan_from_json(plan),
        requested_by=words.asked_by or entry.actor,
        approvals=words.approvals, ticks=words.ticks, waivers=words.waivers, course=Course.of(entry.data),
        requested_at=entry.at,
        terms=terms if isinstance(terms, dict) else {},
        restores=str(entry.data.get("restores", "")),
        takes_back=back if isinstance(back := entry.data.get("takes_back"), dict) else {},
        rolling=Rolling.from_json(rolling) if isinstance(rolling := entry.data.get("rolling"), dict) else None,
        emergency=Emergency.of(entry),
        on_behalf=str(entry.data.get("for", "")),
    )


def _judged(p: Promotion, e: Entry) -> Promotion:
    checks = e.data["checklist"]
    assert isinstance(checks, list)
    return replace(p, checklist=tuple(Check.from_json(check) for check in checks if isinstance(check, dict)))


def _ticked(p: Promotion, e: Entry) -> Promotion:
    label = str(e.data["label"])
    return p if label in p.ticks else replace(p, ticks={**p.ticks, label: Tick(by=e.actor, at=e.at)})


def _authors(p: Promotion, e: Entry) -> Promotion:
    return replace(p, authors=_texts(e.data["authors"]))


def _waived(p: Promotion, e: Entry) -> Promotion:
    waiver = Waiver(
        by=e.actor, at=e.at, reason=str(e.data["reason"]), state=State(str(e.data["state"])),
        said=str(e.data.get("said", "")),
    )
    return replace(p, waivers={**p.waivers, str(e.data["gate"]): waiver})


def _waiver_void(p: Promotion, e: Entry) -> Promotion:
    return replace(p, waivers={gate: waiver for gate, waiver in p.waivers.items() if gate != e.data["gate"]})


def _approved(p: Promotion, e: Entry) -> Promotion:
    return p if e.actor in p.approvals else replace(p, approvals={**p.approvals, e.actor: e.at})


def _void(p: Promotion, e: Entry) -> Promotion:
    gone = str(e.data["voter"])
    return replace(p, approvals={voter: at for voter, at in p.approvals.items() if voter != gone})


def _asked(p: Promotion, e: Entry) -> Promotion:
    return replace(p, asked_at=p.asked_at or e.at)


def _moved(p: Promotion, e: Entry) -> Promotion:
    if e.data["to"] in ("gates", "approval"):
        return replace(p, lined_up=None)
    return replace(p, lined_up=p.lined_up or e.at) if e.data["to"] == "window" else p


def _planned(p: Promotion, e: Entry) -> Promotion:
    return replace(p, planned=datetime.fromisoformat(str(e.data["opens"])), window_opens=None, attended_by="")


def _held(p: Promotion, e: Entry) -> Promotion:
    return replace(p, held=True, planned=None, window_opens=None, attended_by="")


def _scheduled(p: Promotion, e: Entry) -> Promotion:
    opens, closes = (datetime.fromisoformat(str(e.data[name])) for name in ("opens", "closes"))
    return replace(p, scheduled=Span(start=opens, end=closes), run_now=None)


def _run_now_asked(p: Promotion, e: Entry) -> Promotion:
    return replace(p, run_now=RunNow(asked_by=e.actor, reason=str(e.data["reason"])))


def _run_now(p: Promotion, e: Entry) -> Promotion:
    asked_by = p.run_now.asked_by if p.run_now else e.actor
    return replace(p, run_now=RunNow(asked_by=asked_by, reason=str(e.data["reason"]), given_by=e.actor))


def _run_now_void(p: Promotion, e: Entry) -> Promotion:
    return replace(p, run_now=None)


def _window(p: Promotion, e: Entry) -> Promotion:
    return replace(p, window_opens=datetime.fromisoformat(str(e.data["opens"])), attended_by="")


def _attended(p: Promotion, e: Entry) -> Promotion:
    return replace(p, attended_by=p.attended_by or e.actor)


def _rejected(p: Promotion, e: Entry) -> Promotion:
    return p if p.began else replace(p, rejected=p.rejected or (e.actor, str(e.data.get("reason", ""))))


def _cancelled(p: Promotion, e: Entry) -> Promotion:
    return p if p.began else replace(p, cancelled_by=p.cancelled_by or e.actor)


def _attempt(p: Promotion, e: Entry) -> Promotion:
    return replace(p, attempt=Attempt(id=str(e.data["attempt"]), version=str(e.data["version"])), failure=None)


def _leftovers(p: Promotion, e: Entry) -> Promotion:
    return replace(p, leftovers=_texts(e.data["leftovers"]))


def _committed(p: Promotion, e: Entry) -> Promotion:
    version = str(e.data["version"])
    seconds = e.data["seconds"]
    row = Committed(
        at=e.at,
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
        statements=_int(e.data["statements"]),
        recovered=bool(e.data.get("recovered")),
    )
    seen = e.data.get("seen")
    noted = {**p.seen, version: seen} if isinstance(seen, dict) and seen else p.seen
    return replace(_closed(p), committed={**p.committed, version: row}, seen=noted, failure=None, retries=0)


def _failed(p: Promotion, e: Entry) -> Promotion:
    failure = Failure(
        version=str(e.data["version"]),
        why=str(e.data["why"]),
        sqlstate=str(e.data.get("sqlstate", "")),
        statement=_int(e.data.get("statement", 0)),
        line=_int(e.data.get("line", 0)),
        clean=e.data.get("clean") is not False,
        blockers=_texts(e.data.get("blockers", [])),
        left=_texts(e.data.get("left", [])),
    )
    return replace(_closed(p), failure=failure, retries=p.retries + 1)


def _interrupted(p: Promotion, e: Entry) -> Promotion:
    return _closed(p)


def _closed(p: Promotion) -> Promotion:
    return replace(p, attempt=replace(p.attempt, open=False) if p.attempt else None)


def _verified(p: Promotion, e: Entry) -> Promotion:
    return replace(p, verified=str(e.data["said"]))


def _watching(p: Promotion, e: Entry) -> Promotion:
    return replace(p, watch_until=datetime.fromisoformat(str(e.data["until"])))


def _watched(p: Promotion, e: Entry) -> Promotion:
    return replace(p, watched=str(e.data["said"]))


def _looks(p: Promotion, e: Entry) -> Promotion:
    said = str(e.data["said"]) if "said" in e.data else p.watched
    return replace(p, looks=p.looks.after(e), watched=said)


def _catalog_seen(p: Promotion, e: Entry) -> Promotion:
    return replace(p, catalogs={**p.catalogs, str(e.data["version"]): str(e.data["sha256"])})


def _proof(p: Promotion, e: Entry) -> Promotion:
    ways = e.data["ways"]
    assert isinstance(ways, list)
    return replace(p, ways=tuple(WayBack.from_json(way) for way in ways if isinstance(way, dict)))


def _shown(p: Promotion, e: Entry) -> Promotion:
    locks = e.data["locks"]
    assert isinstance(locks, dict)
    return replace(p, shown=True, locks={version: _texts(said) for version, said in locks.items()})


def _way_back(p: Promotion, e: Entry) -> Promotion:
    return replace(p, way_back=e.data)


def _page(p: Promotion, e: Entry) -> Promotion:
    visit = e.data["visit"]
    return replace(p, pages=(*p.pages, Visit.from_json(visit))) if isinstance(visit, dict) else p


def _drift(p: Promotion, e: Entry) -> Promotion:
    return replace(p, drift=str(e.data["diff"]))


def _rows_seen(p: Promotion, e: Entry) -> Promotion:
    return replace(p, kept_rows=e.data)


def _rows_kept(p: Promotion, e: Entry) -> Promotion:
    return replace(p, keeps=True)


def _rows_attempt(p: Promotion, e: Entry) -> Promotion:
    return replace(p, restoring=True)


def _rows_wait(p: Promotion, e: Entry) -> Promotion:
    return replace(p, restoring=False)


def _rows_back(p: Promotion, e: Entry) -> Promotion:
    tables = e.data["tables"]
    assert isinstance(tables, dict)
    return replace(p, restored={table: _int(rows) for table, rows in tables.items()})


def _backup(p: Promotion, e: Entry) -> Promotion:
    return replace(p, backup=held(p.backup, e))


def _course(p: Promotion, e: Entry) -> Promotion:
    return replace(p, course=p.course.after(e))


def _ended(p: Promotion, e: Entry) -> Promotion:
    ending = Ending(verdict=str(e.data["verdict"]), why=str(e.data.get("why", "")), at=e.at, by=e.actor)
    return replace(p, ending=p.ending or ending)


def _rolling(p: Promotion, e: Entry) -> Promotion:
    """What happens to a rollback; its words are the approvals, and a new plan takes them away."""
    plan = e.data.get("plan")
    if p.rolling is None or (e.kind == "rollback.word" and plan != p.plan.digest):
        return p
    rolling = ROLLING[e.kind](p.rolling, e)
    anew = plan_from_json(plan) if isinstance(plan, dict) else p.plan
    return replace(p, plan=anew, rolling=rolling, approvals={word.by: word.at for word in rolling.words})


def _emergency(p: Promotion, e: Entry) -> Promotion:
    return replace(p, emergency=EMERGENCY[e.kind](p.emergency, e)) if p.emergency else p


def _taken_back(p: Promotion, e: Entry) -> Promotion:
    return replace(p, taken_back=TAKEN[e.kind](p.taken_back, e))


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _int(value: Json) -> int:
    return value if isinstance(value, int) else 0


_FOLDS: Mapping[str, Callable[[Promotion, Entry], Promotion]] = {
    "gates.judged": _judged,
    "promotion.ticked": _ticked,
    "reviews.seen": _authors,
    "gate.waived": _waived,
    "gate.waiver_void": _waiver_void,
    "approval.asked": _asked,
    "promotion.approved": _approved,
    "approval.void": _void,
    "walk.moved": _moved,
    "window.planned": _planned,
    "window.held": _held,
    "window.scheduled": _scheduled,
    "run_now.asked": _run_now_asked,
    "run_now.given": _run_now,
    "run_now.void": _run_now_void,
    "window.near": _window,
    "promotion.attended": _attended,
    "promotion.rejected": _rejected,
    "promotion.cancelled": _cancelled,
    "apply.before": _leftovers,
    "apply.attempt": _attempt,
    "apply.committed": _committed,
    "apply.failed": _failed,
    "apply.interrupted": _interrupted,
    "verify.seen": _verified,
    "watch.begun": _watching,
    "watch.seen": _watched,
    "catalog.seen": _catalog_seen,
    "proof.seen": _proof,
    "evidence.seen": _shown,
    "way_back.seen": _way_back,
    "drift.seen": _drift,
    "page.seen": _page,
    "walk.ended": _ended,
    **dict.fromkeys(EMERGENCY, _emergency), **dict.fromkeys(ROLLING, _rolling), **dict.fromkeys(TAKEN, _taken_back),
    **dict.fromkeys(WATCH_STEPS, _looks),
    "apply.kept": _rows_kept, "rows.seen": _rows_seen, "rows.attempt": _rows_attempt,
    "rows.wait": _rows_wait, "rows.back": _rows_back,
    **dict.fromkeys(HELD_KINDS, _backup),
    **dict.fromkeys(STEPS, _course),
}

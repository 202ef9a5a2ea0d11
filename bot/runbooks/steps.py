"""Steps that the runbooks share: judging, putting files in, verifying, looking at health."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType

from bot import gates
from bot.domain.checklist import Check
from bot.domain.course import BEGUN
from bot.domain.emergency import excused
from bot.domain.entry import Json
from bot.domain.migration import Match
from bot.domain.plan import PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.resumable import LOCK_TIMEOUT
from bot.errors import Unreachable, Unrecorded
from bot.evidence.gathering import gather, in_history
from bot.ports import Database, Done, Failed, InDoubt, Job, Put
from bot.promotions.following import following
from bot.runbooks import catalogs, proving
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.windows import schedule
from bot.world import World

SHOW_EVERY = 0.25
"""How often, in seconds, progress is shown."""

UNSHOWN = 60.0
"""For how long, in seconds, progress is not shown after the journal did not take it."""

SETTLE = timedelta(seconds=2)
"""How soon an attempt in doubt is looked at again."""

SLOWLY = timedelta(minutes=5)
"""How often a lock that others hold is tried for once the quick tries are over, until the deploy window closes."""


def called_off(promotion: Promotion) -> Stop | None:
    """The end of a promotion that somebody cancelled or rejected before anything was touched."""
    if promotion.cancelled_by:
        return Stop(verdict="cancelled", by=promotion.cancelled_by)
    if promotion.rejected:
        return Stop(verdict="rejected", why=promotion.rejected[1], by=promotion.rejected[0])
    return None


def judged(promotion: Promotion, world: World, which: tuple[ModuleType, ...]) -> tuple[Check, ...]:
    """The checklist as of now; journalled when it says something else than before."""
    ports = world.ports
    evidence = gather(
        promotion.plan,
        world.project,
        ports.shelves,
        ports.clock.now(),
        ticks=promotion.ticks,
        applied=tuple(promotion.committed),
        waivers=promotion.waivers,
        ahead=following(promotion.plan, ports),
    )
    if proving.judges_ways_back(which, tuple(world.policy.gates.skip)):
        evidence = proving.proven_on_demand(promotion, evidence, world)
        proving.told_of_way_back(promotion, evidence, world)
    proving.told_of_unread(promotion, evidence, world)
    proving.told_of_drift(promotion, evidence, world)
    if evidence.reviews and evidence.reviews.authors != promotion.authors:
        said = evidence.reviews
        world.note("reviews.seen", {"authors": list(said.authors), "pulls": list(said.pulls)})
    checks = excused(gates.judge(evidence, which, tuple(world.policy.gates.skip)), promotion.emergency)
    if checks != promotion.checklist:
        world.note("gates.judged", {"checklist": [check.to_json() for check in checks]})
    return checks


def project_taken(world: World) -> Wait | None:
    """One record at a time changes a project's database; the others wait for it."""
    holder = world.hold_project()
    if holder == world.record.id:
        return None
    return Wait(for_=f"{holder}, which is changing the same database", until=world.ports.clock.now() + SETTLE)


def put_in(promotion: Promotion, world: World) -> Outcome:
    """The files that are not in yet, one by one, by the apply protocol; all over one session while they go in.

    Whatever else becomes of a file is for the walker: it settles that, and the next call begins with a new session.
    """
    if promotion.failure and not promotion.failure.again:
        # It was told, and Stagedoor was interrupted before the record ended: nobody asked for another try.
        return Stop(verdict="failed", why=promotion.failure.why)
    if promotion.leftovers is None:
        seen = _database(promotion, world).moment()
        world.note("apply.before", {"leftovers": list(seen.leftovers)})
        if promotion.remaining:
            promotion = catalogs.look(promotion, promotion.remaining[0].version, world, seen)
    if promotion.remaining and not promotion.attempting:
        world.note("apply.attempt", _attempt(promotion, promotion.remaining[0], promotion.retries))
        # A cancel that was journalled before this attempt, but after this walk folded, still counts.
        promotion = Promotion.of(world.ports.journal.entries(about=promotion.id))
        if over := called_off(promotion):
            return over
    notes = _Notes(world)
    with _database(promotion, world).applier() as applier:
        while promotion.remaining:
            file = promotion.remaining[0]
            promotion = catalogs.look(promotion, file.version, world)
            outcome = applier.apply(_job(promotion, file, world), notes.about(promotion, file))
            if not isinstance(outcome, Done):
                return _not_in(promotion, file, outcome, world)
            promotion = _committed(promotion, file, outcome, world)
            if not promotion.attempting:
                break
    if promotion.remaining:
        return Wait(for_="", until=world.ports.clock.now())
    return Next(said=f"{len(promotion.plan.files)} in")


def _attempt(promotion: Promotion, file: PlannedFile, retries: int = 0) -> dict[str, Json]:
    """What is journalled before the database is touched for a file."""
    place = promotion.plan.files.index(file)
    return {
        "attempt": f"{promotion.id}.{place + 1}.{retries + 1}",
        "version": file.version,
        "sha256": file.sha256,
        "head": promotion.plan.heads()[place],
        "approvers": list(promotion.approvals),
    }


def _job(promotion: Promotion, file: PlannedFile, world: World) -> Job:
    policy = world.policy.apply
    assert promotion.attempt is not None
    return Job(
        attempt=promotion.attempt.id,
        version=file.version,
        name=file.name,
        content=world.ports.shelves.fetch(file.sha256),
        head=promotion.expected_head,
        lock_timeout=policy.lock_timeout.total_seconds(),
        statement_timeout=policy.statement_timeout.total_seconds(),
        witness=promotion.plan.environment is Environment.STAGING,
        unread=tuple(each.line for each in file.unread),
        keep=promotion.plan.environment is Environment.PRODUCTION and world.policy.backups.keep_rows,
        begun=world.ports.shelves.get(BEGUN, _place(promotion, file)) or {},
    )


def _place(promotion: Promotion, file: PlannedFile) -> str:
    return f"{promotion.plan.project}:{promotion.plan.environment}:{file.version}"


def _committed(promotion: Promotion, file: PlannedFile, outcome: Done, world: World) -> Promotion:
    """Journal that the file is in and, in the same transaction, the attempt at the next one, if it may begin now."""
    committed: dict[str, Json] = {
        "version": file.version,
        "seconds": outcome.seconds,
        "statements": outcome.statements,
        "recovered": outcome.recovered,
        "seen": dict(outcome.seen),
        "said": outcome.said,
    }
    over = [Put(shelf=BEGUN, key=_place(promotion, file), doc=None)] if outcome.said or outcome.recovered else []
    notes = [("apply.committed", committed)]
    # What the card waits for is over now, and only the walker can say so.
    if promotion.remaining[1:] and not world.stopping() and not world.record.waits_for:
        notes.append(("apply.attempt", _attempt(promotion, promotion.remaining[1])))
    return promotion.after(world.note_together(*notes, puts=over))


def _not_in(promotion: Promotion, file: PlannedFile, outcome: Failed | InDoubt, world: World) -> Outcome:
    now = world.ports.clock.now()
    if isinstance(outcome, InDoubt):
        return Wait(for_=f"{promotion.where} to be ready: {outcome.why}", until=now + SETTLE)
    if world.stopping():
        world.note("apply.interrupted", {"version": file.version, "why": outcome.why})
        return Wait(for_="Stagedoor to start again", until=now)
    return _failed(promotion, file, outcome, world)


def _failed(promotion: Promotion, file: PlannedFile, outcome: Failed, world: World) -> Outcome:
    """A lock time-out is tried again, later each time, as often as the policy says and the window lasts."""
    pause = _pause(promotion, outcome, world)
    again = pause is not None
    failed: dict[str, Json] = {
        "version": file.version,
        "why": outcome.why,
        "sqlstate": outcome.sqlstate,
        "statement": outcome.statement,
        "line": outcome.line,
        "sql": outcome.sql,
        "clean": outcome.clean,
        "blockers": list(outcome.blockers),
        "left": list(outcome.left),
        "again": again,
        "in_seconds": pause or 0,
    }
    world.note_together(("apply.failed", failed), puts=[world.far({})])
    if pause is not None:
        return Wait(
            for_=f"another try at {file.label}: {outcome.why}", until=world.ports.clock.now() + timedelta(seconds=pause)
        )
    return Stop(verdict="failed", why=outcome.why)


def _pause(promotion: Promotion, outcome: Failed, world: World) -> float | None:
    """After how many seconds the next try comes: soon at first, then slowly for as long as the window is open."""
    if not outcome.retry:
        return None
    if promotion.retries < world.policy.apply.retries:
        return min(2.0**promotion.retries, 60.0)
    if outcome.sqlstate != LOCK_TIMEOUT or promotion.plan.environment is not Environment.PRODUCTION:
        return None
    now, every = world.ports.clock.now(), schedule.calendar(world.ports, promotion.plan.project)
    span = None if every.always_open else every.following(now)
    return SLOWLY.total_seconds() if span and span.start <= now and now + SLOWLY < span.end else None


def verified(promotion: Promotion, world: World) -> Outcome:
    """The history holds our rows with our statements, and nothing was left INVALID or NOT VALID by us."""
    ports, where = world.ports, promotion.where
    try:
        seen = _database(promotion, world).moment()
    except Unreachable as trouble:
        return Wait(
            for_=f"{where} to answer: could not verify yet. {trouble}", until=ports.clock.now() + SETTLE,
        )
    promotion = catalogs.look(promotion, catalogs.AFTER, world, seen)
    rows = in_history(promotion.plan, seen.history, ports.shelves)
    wrong = [f"{file.label} is not in {where}'s history" for file in promotion.plan.files if file.version not in rows]
    wrong += [
        f"{file.label} stands in {where}'s history with other statements"
        for file in promotion.plan.files
        if rows.get(file.version) is Match.EDITED
    ]
    known = (*(promotion.leftovers or ()), *_admitted(promotion))
    wrong += [left for left in seen.leftovers if not left.startswith(known)]
    unlike, compared = catalogs.compared_with_staging(promotion, seen, world)
    if wrong + unlike:
        return Stop(verdict="unverified", why="; ".join(wrong + unlike))
    said = f"{len(promotion.plan.files)} in {where}'s history, nothing left half-built{compared and f'; {compared}'}"
    if promotion.verified != said:
        world.note("verify.seen", {"said": said})
    return Next(said=said)


def _admitted(promotion: Promotion) -> tuple[str, ...]:
    """How the sentences about indexes begin that the file which stopped it left INVALID: its failure names them."""
    left = promotion.failure.left if promotion.course.stopped and promotion.failure else ()
    return tuple(f"Index {name} " for name in left)


def _database(promotion: Promotion, world: World) -> Database:
    return world.project.databases[promotion.plan.environment]


class _Notes:
    """What the apply protocol tells while it works, under this walk's claim."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._file: dict[str, Json] = {}
        self._place = ""
        self._shown = 0.0

    def about(self, promotion: Promotion, file: PlannedFile) -> _Notes:
        """From now on it is this file that is told of."""
        files = promotion.plan.files
        self._file = {"file": files.index(file) + 1, "files": len(files), "version": file.version}
        self._place = _place(promotion, file)
        return self

    def note(self, kind: str, data: Mapping[str, Json]) -> None:
        begun = [Put(shelf=BEGUN, key=self._place, doc=data)] if kind == "alone" and "before" in data else []
        try:
            self._world.note_together((f"apply.{kind}", {"version": self._file["version"], **data}), puts=begun)
        except Unreachable as away:
            raise Unrecorded(str(away)) from None

    def progress(self, data: Mapping[str, Json]) -> None:
        """Quick statements pass unshown: it would take longer to write them down than to run them.

        A journal that does not answer is left alone for a while: production's locks may be held meanwhile.
        """
        now = time.monotonic()
        if now - self._shown < SHOW_EVERY:
            return
        try:
            self._world.progress({**self._file, **data})
            self._shown = now
        except Unreachable:
            self._shown = time.monotonic() + UNSHOWN

    def stopping(self) -> bool:
        return self._world.stopping()

"""Steps that the runbooks share: judging, putting files in, verifying, looking at health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType

from bot import gates
from bot.domain.checklist import Check
from bot.domain.entry import Json
from bot.domain.migration import Match
from bot.domain.plan import PlannedFile
from bot.domain.promotion import Promotion
from bot.evidence import gather
from bot.ports import Database, Done, Failed, InDoubt, Job
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.world import World

SETTLE = timedelta(seconds=2)
"""How soon an attempt in doubt is looked at again."""


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
    )
    checks = gates.judge(evidence, which, tuple(world.policy.gates.skip))
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
    """The next file that is not in yet, by the apply protocol; one call is one try at one file."""
    if promotion.leftovers is None:
        world.note("apply.before", {"leftovers": list(_database(promotion, world).leftovers())})
    if not promotion.remaining:
        return Next(said=f"{len(promotion.plan.files)} in")
    return _try(promotion, promotion.remaining[0], world)


def _try(promotion: Promotion, file: PlannedFile, world: World) -> Outcome:
    attempt = promotion.attempt.id if promotion.attempt and promotion.attempt.open else ""
    if not attempt:
        attempt = f"{promotion.id}.{len(promotion.committed) + 1}.{promotion.retries + 1}"
        world.note(
            "apply.attempt",
            {
                "attempt": attempt,
                "version": file.version,
                "sha256": file.sha256,
                "head": promotion.expected_head,
                "approvers": list(promotion.approvals),
                "server": _database(promotion, world).identity(),
            },
        )
        # A cancel that was journalled before this attempt, but after this walk folded, still counts.
        if over := called_off(Promotion.of(world.ports.journal.entries(about=promotion.id))):
            return over
    policy = world.policy.apply
    job = Job(
        attempt=attempt,
        version=file.version,
        name=file.name,
        content=world.ports.shelves.fetch(file.sha256),
        head=promotion.expected_head,
        lock_timeout=policy.lock_timeout.total_seconds(),
        statement_timeout=policy.statement_timeout.total_seconds(),
    )
    outcome = _database(promotion, world).apply(job, _Notes(world, promotion, file))
    now = world.ports.clock.now()
    match outcome:
        case Done():
            world.note(
                "apply.committed",
                {
                    "version": file.version,
                    "seconds": outcome.seconds,
                    "statements": outcome.statements,
                    "recovered": outcome.recovered,
                },
            )
            return Wait(for_="", until=now)
        case InDoubt():
            return Wait(for_=outcome.why, until=now + SETTLE)
        case Failed() if world.stopping():
            world.note("apply.interrupted", {"version": file.version, "why": outcome.why})
            return Wait(for_="Stagedoor to start again", until=now)
        case Failed():
            return _failed(promotion, file, outcome, world)


def _failed(promotion: Promotion, file: PlannedFile, outcome: Failed, world: World) -> Outcome:
    """A lock time-out is tried again, later each time, as often as the policy says; nothing else is."""
    again = outcome.retry and promotion.retries < world.policy.apply.retries
    pause = min(2.0**promotion.retries, 60.0)
    world.note(
        "apply.failed",
        {
            "version": file.version,
            "why": outcome.why,
            "sqlstate": outcome.sqlstate,
            "statement": outcome.statement,
            "line": outcome.line,
            "sql": outcome.sql,
            "blockers": list(outcome.blockers),
            "again": again,
            "in_seconds": pause if again else 0,
        },
    )
    if again:
        return Wait(
            for_=f"another try at {file.label}: {outcome.why}", until=world.ports.clock.now() + timedelta(seconds=pause)
        )
    return Stop(verdict="failed", why=outcome.why)


def verified(promotion: Promotion, world: World) -> Outcome:
    """The history holds our rows with our statements, and nothing was left INVALID or NOT VALID by us."""
    ports, where = world.ports, promotion.where
    evidence = gather(
        promotion.plan,
        world.project,
        ports.shelves,
        ports.clock.now(),
        ticks=promotion.ticks,
        applied=tuple(promotion.committed),
    )
    if evidence.target is None:
        return Wait(
            for_=f"{where} to answer: could not verify yet. {' '.join(evidence.unread.values())}",
            until=ports.clock.now() + SETTLE,
        )
    rows = {row.version: row.match for row in evidence.target}
    wrong = [f"{file.label} is not in {where}'s history" for file in promotion.plan.files if file.version not in rows]
    wrong += [
        f"{file.label} stands in {where}'s history with other statements"
        for file in promotion.plan.files
        if rows.get(file.version) is Match.EDITED
    ]
    wrong += [left for left in _database(promotion, world).leftovers() if left not in (promotion.leftovers or ())]
    if wrong:
        return Stop(verdict="unverified", why="; ".join(wrong))
    said = f"{len(promotion.plan.files)} in {where}'s history, nothing left half-built"
    world.note("verify.seen", {"said": said})
    return Next(said=said)


def health(promotion: Promotion, world: World) -> None:
    """Ask every health address of the policy once; journalled when the answers differ from the last ones."""
    addresses = world.policy.watch.health
    wrong = [f"{url} {problem}" for url in addresses if (problem := world.ports.health.check(url))]
    said = "; ".join(wrong) if wrong else f"{len(addresses)} health addresses answered"
    if addresses and said != promotion.watched:
        world.note("watch.seen", {"said": said, "well": not wrong})


def _database(promotion: Promotion, world: World) -> Database:
    return world.project.databases[promotion.plan.environment]


@dataclass(frozen=True)
class _Notes:
    """What the apply protocol tells while it works, under this walk's claim."""

    world: World
    promotion: Promotion
    file: PlannedFile

    def note(self, kind: str, data: Mapping[str, Json]) -> None:
        self.world.note(f"apply.{kind}", {"version": self.file.version, **data})

    def progress(self, data: Mapping[str, Json]) -> None:
        number = len(self.promotion.committed) + 1
        self.world.progress(
            {"file": number, "files": len(self.promotion.plan.files), "version": self.file.version, **data}
        )

    def stopping(self) -> bool:
        return self.world.stopping()

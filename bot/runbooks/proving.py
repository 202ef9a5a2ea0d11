"""What the runbooks do about ways back: try them, take back, and tell what changed of them and beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.catalog import Snapshot
from bot.domain.entry import Json
from bot.domain.evidence import Evidence
from bot.domain.migration import Match, Migration
from bot.domain.plan import PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.risks import Ran
from bot.domain.way_back import Schema
from bot.errors import Refused, Unreachable
from bot.evidence import proofs
from bot.gates import rollback_plan
from bot.ports import Job
from bot.runbooks import catalogs, shown
from bot.world import World


def try_ways_back(promotion: Promotion, world: World) -> None:
    """Try the way back of each file of a staging run and journal the verdicts. Raises `Refused`, `Unreachable`."""
    ports, plan = world.ports, promotion.plan
    seen = catalogs.before_each(promotion, world)
    back = _rollbacks(promotion, world)
    ways = proofs.prove_staged(plan, world.project, ports.shelves, back, seen, f"{promotion.id}.proof", world.stopping)
    ways = proofs.with_unread(plan, ways, {file.version: shown.ran_of(promotion, file, world) for file in plan.files})
    ports.shelves.put(proofs.puts(plan, ways, back, ports.clock.now(), promotion.id, ports.shelves))
    world.note("proof.seen", {"ways": [way.to_json() for way in ways]})


def take_back(promotion: Promotion, world: World) -> bool:
    """Take back what staging ran of the version that is staged anew. Raises `Refused` with nothing changed."""
    back, policy, fetch = promotion.takes_back, world.policy.apply, world.ports.shelves.fetch
    [file] = promotion.plan.files
    job = Job(
        attempt=f"{promotion.id}.back", version=file.version, name=file.name, content=fetch(str(back["sql"])),
        head=file.version, lock_timeout=policy.lock_timeout.total_seconds(),
        statement_timeout=policy.statement_timeout.total_seconds(),
    )
    aim = Snapshot.decoded(fetch(str(back["before"]))) if back.get("before") else None
    taken = world.project.databases[Environment.STAGING].take_back(job, aim, world.stopping)
    world.note("taken.back", {"version": file.version, "sha256": str(back["sha256"]), "again": not taken})
    return taken


def proven_on_demand(promotion: Promotion, evidence: Evidence, world: World) -> Evidence:
    """The evidence with proofs for what nobody tried yet: files that others staged, rollback files that came later."""
    if not _wanting(evidence) or promotion.began:
        return evidence
    why = _prove_now(promotion, evidence, world)
    shelves = world.ports.shelves
    unread = {**evidence.unread, **({"proof": why} if why else {})}
    return replace(evidence, proofs=proofs.proofs(shelves, promotion.plan), unread=unread)


def _wanting(evidence: Evidence) -> bool:
    """Whether something has to be tried, and staging holds exactly what is to be tried."""
    rows = {row.version: row.match for row in evidence.staging or ()}
    if evidence.local is None or any(rows.get(file.version) is not Match.SAME for file in evidence.plan.files):
        return False
    return any(_stale(file, evidence) for file in evidence.plan.files)


def _stale(file: PlannedFile, evidence: Evidence) -> bool:
    proof, back = evidence.proofs.get(file.version), evidence.rollbacks.get(file.version, "")
    if proof is None or (proof.sha256, proof.down_sha256) != (file.sha256, back):
        return True
    return proof.way.schema is Schema.UNKNOWN and proofs.BUSY in " ".join(proof.way.said)


def _prove_now(promotion: Promotion, evidence: Evidence, world: World) -> str:
    """Try it, unless staging is in use; returns why it could not be."""
    ports, plan = world.ports, promotion.plan
    holder = world.hold_staging()
    if holder != promotion.id:
        return f"{holder} is changing staging"
    try:
        back = _rollbacks(promotion, world)
        ways = proofs.prove_later(
            plan, world.project, ports.shelves, back, _seen_by_stagedoor(evidence, world), f"{promotion.id}.proof",
            world.stopping,
        )
        ways = proofs.with_unread(plan, ways, _shown(evidence))
        ports.shelves.put(proofs.puts(plan, ways, back, ports.clock.now(), promotion.id, ports.shelves))
        world.note("proof.seen", {"ways": [way.to_json() for way in ways]})
    except (Refused, Unreachable) as trouble:
        return str(trouble)
    finally:
        world.release_staging()
    return ""


def _seen_by_stagedoor(evidence: Evidence, world: World) -> dict[str, Snapshot]:
    """The catalogs from before each file, where Stagedoor staged all of them."""
    runs = {file.version: evidence.staged.get(file.version) for file in evidence.plan.files}
    if any(run is None or not run.before or run.sha256 != file.sha256
           for file, run in zip(evidence.plan.files, runs.values(), strict=True)):
        return {}
    return {version: Snapshot.decoded(world.ports.shelves.fetch(run.before)) for version, run in runs.items() if run}


def told_of_way_back(promotion: Promotion, evidence: Evidence, world: World) -> None:
    """Journal what the card says about locks and the way back, when it is not what it said before."""
    known = [evidence.proofs[file.version] for file in evidence.plan.files if file.version in evidence.proofs]
    own = [proof.way for proof, file in zip(known, evidence.plan.files, strict=False) if proof.sha256 == file.sha256]
    runs = [evidence.staged[file.version] for file in evidence.plan.files if file.version in evidence.staged]
    said: dict[str, Json] = {
        # Which SQL it is that goes with this promotion: a rollback of exactly these bytes was approved with it.
        "sql": {file.version: proof.sql for file in evidence.plan.files
                if (proof := evidence.proofs.get(file.version)) and proof.sha256 == file.sha256 and proof.way.proven},
        "schema": _worst([way.schema for way in own]) if len(own) == len(evidence.plan.files) else "",
        "lost": _each(text for way in own for text in way.lost),
        "given_up": _each(text for way in own for text in way.given_up),
        "locks": _each(text for run in runs for text in run.locks),
    }
    if stays := _each(text for way in own for text in way.stays):
        said["stays"] = stays
    if said != promotion.way_back:
        world.note("way_back.seen", said)


def told_of_unread(promotion: Promotion, evidence: Evidence, world: World) -> None:
    """Journal what staging showed of lines that nobody could read, when it is not what it showed before."""
    ran = _shown(evidence)
    if ran != promotion.ran:
        world.note("unread.shown", {version: [each.to_json() for each in own] for version, own in ran.items()})


def _shown(evidence: Evidence) -> dict[str, tuple[Ran, ...]]:
    """What staging runs of exactly these bytes showed, by version."""
    runs = [(file, evidence.staged.get(file.version)) for file in evidence.plan.files if file.unread]
    return {file.version: run.ran for file, run in runs if run and run.sha256 == file.sha256 and run.ran}


def told_of_drift(promotion: Promotion, evidence: Evidence, world: World) -> None:
    """Journal what differs between staging and production, whole, where something does that nobody accepted."""
    drift = evidence.drift
    if drift is None or not drift.open(evidence.accepted):
        return
    kept = world.ports.shelves.keep(drift.text.encode())
    if kept != promotion.drift:
        world.note("drift.seen", {"diff": kept, "held": len(drift.held), "noted": len(drift.noted)})


def _each(texts: Iterable[str]) -> list[Json]:
    return list[Json](dict.fromkeys(texts))


def _worst(found: list[Schema]) -> str:
    for schema in (Schema.UNKNOWN, Schema.DIFFERS, Schema.ORDER):
        if schema in found:
            return str(schema)
    return str(Schema.EXACT)


def _rollbacks(promotion: Promotion, world: World) -> dict[str, Migration]:
    return proofs.rollbacks(promotion.plan, world.project, world.ports.shelves, world.ports.clock.now())


def judges_ways_back(which: tuple[object, ...], skip: tuple[str, ...]) -> bool:
    return rollback_plan in which and rollback_plan.NAME not in skip

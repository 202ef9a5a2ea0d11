"""What the runbooks do about catalogs: look at them, try the way back, gather what a staging run showed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from bot.domain.catalog import Key, Snapshot
from bot.domain.entry import Json
from bot.domain.evidence import Evidence, Staged
from bot.domain.migration import Match, Migration
from bot.domain.moment import Moment
from bot.domain.plan import PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.risks import Ran
from bot.domain.values import texts
from bot.domain.way_back import Schema
from bot.errors import Refused, Unreachable
from bot.evidence import changes, proofs
from bot.evidence.gathering import staged
from bot.gates import rollback_plan
from bot.migrations.catalog import checklist
from bot.migrations.catalog.access import access_diff
from bot.migrations.catalog.diff import changed, differences, readable
from bot.migrations.catalog.showing import showing
from bot.ports import Job
from bot.runbooks import index_use, pages
from bot.world import World

Asked = TypeVar("Asked")
AFTER = ""
"""The key of the catalog that a run left; the others go by the version of the file before which they were seen."""


def look(promotion: Promotion, version: str, world: World, seen: Moment | None = None) -> Promotion:
    """Keep staging's catalog as it is before this file, or after the last one, unless that was done.

    Production's is kept from before the first file, and from after the last one that went in: that is what a rollback
    has to lead back to. What was `seen` just now is not read again.
    """
    where = promotion.plan.environment
    if where is Environment.PRODUCTION and version == AFTER:
        pass  # after a stop and a resume there is another one to keep
    elif version in promotion.catalogs or (where is Environment.PRODUCTION and promotion.changed_something):
        return promotion
    kept, why = "", seen.unread if seen else ""
    try:
        catalog = seen.catalog if seen else world.project.databases[where].catalog()
        kept = world.ports.shelves.keep(catalog.encoded()) if catalog else ""
    except Unreachable as trouble:
        why = str(trouble)  # the run itself goes on: if staging is down, the apply will say so
    if kept and kept == promotion.catalogs.get(version):
        return promotion
    return promotion.after(world.note("catalog.seen", {"version": version, "sha256": kept, "why": why}))


def try_ways_back(promotion: Promotion, world: World) -> None:
    """Try the way back of each file of a staging run and journal the verdicts. Raises `Refused`, `Unreachable`."""
    ports, plan = world.ports, promotion.plan
    seen = _catalogs(promotion, world)
    back = _rollbacks(promotion, world)
    ways = proofs.prove_staged(plan, world.project, ports.shelves, back, seen, f"{promotion.id}.proof", world.stopping)
    ways = proofs.with_unread(plan, ways, {file.version: _ran(promotion, file, world) for file in plan.files})
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


def gather_showing(promotion: Promotion, world: World) -> None:
    """Journal what the staging run showed: the checklist's lines, and the whole difference as a file."""
    shelves, lines = world.ports.shelves, list[str]()
    first, last = _catalog(promotion, promotion.plan.files[0].version, world), _catalog(promotion, AFTER, world)
    whole = ""
    if first and last:
        rows = _rows(promotion)
        staging = world.project.databases[Environment.STAGING]
        broken = _asked(staging.uncompiled)
        counts = _asked(lambda: staging.counts(checklist.touched(first, last, rows)))
        lines += checklist.checklist(first, last, rows, broken, counts)
        whole = "\n".join((readable(first, last), "", *access_diff(first, last)))
    else:
        lines.append("Catalog: could not be compared; it was not seen before and after the run")
    if use := index_use.used(promotion, first, last, world):
        lines.append(use)
    lines += [
        f"Could not be read: {place} {ran.did}{'' if ran.harmless else '; it counts as destructive'}"
        for file in promotion.plan.files for place, ran in zip(file.unread, _ran(promotion, file, world), strict=True)
    ]
    held = _locks(promotion, world)
    if asked := pages.functions(world):
        lines.append(asked)
    lines += [f"Locks {lock}" for locked in held.values() for lock in locked]
    world.note("evidence.seen", {
        "lines": list[Json](lines), "diff": shelves.keep(whole.encode()) if whole.strip() else "",
        "locks": {version: list[Json](locked) for version, locked in held.items()},
    })


def _asked(ask: Callable[[], Mapping[str, Asked]]) -> Mapping[str, Asked] | None:
    """What staging answers; None where it cannot be asked, which the checklist says."""
    try:
        return ask()
    except Unreachable:
        return None


def staged_run(promotion: Promotion, file: PlannedFile, world: World) -> Staged:
    """The document of one file of a verified staging run."""
    if unseen(promotion):
        return _verified_again(promotion, file, world)
    before, after = (promotion.catalogs.get(moment, "") for moment in (file.version, _next(promotion, file)))
    return Staged(
        sha256=file.sha256, at=world.ports.clock.now(), record=promotion.id,
        seconds=promotion.committed[file.version].seconds, locks=promotion.locks.get(file.version, ()),
        before=before, after=after, changes=changes.kept(before, after, world.ports.shelves),
        head=promotion.plan.head or "",
        ran=_ran(promotion, file, world),
    )


def _ran(promotion: Promotion, file: PlannedFile, world: World) -> tuple[Ran, ...]:
    """What the run showed of the lines of a file that nobody could read."""
    if not file.unread:
        return ()
    before, after = (_catalog(promotion, moment, world) for moment in (file.version, _next(promotion, file)))
    return showing(file.unread, promotion.seen.get(file.version, {}), before, after)


def _next(promotion: Promotion, file: PlannedFile) -> str:
    """The moment after a file, by which its catalog is kept."""
    files = promotion.plan.files
    return AFTER if file is files[-1] else files[files.index(file) + 1].version


def noted_as_in(promotion: Promotion, world: World) -> None:
    """Journal that each file is in, though this run did not put it there."""
    if promotion.committed:
        return
    left = world.project.databases[Environment.STAGING].leftovers()
    files: list[tuple[str, dict[str, Json]]] = [
        ("apply.committed", {
            "version": file.version, "seconds": 0.0, "statements": file.statements, "recovered": True, "again": True,
        }) for file in promotion.plan.files
    ]
    world.note_together(("apply.before", {"leftovers": list[Json](left)}), *files)


def unseen(promotion: Promotion) -> bool:
    """Whether it only verified what was there: nobody saw the catalog before, so no way back can be tried by it."""
    return not any(file.version in promotion.catalogs for file in promotion.plan.files)


def _verified_again(promotion: Promotion, file: PlannedFile, world: World) -> Staged:
    """The document of a run that put nothing in: what an earlier one saw of these bytes still holds."""
    earlier = staged(world.ports.shelves, promotion.plan).get(file.version)
    now = world.ports.clock.now()
    if earlier and earlier.sha256 == file.sha256:
        return replace(earlier, at=now, record=promotion.id)
    return Staged(sha256=file.sha256, at=now, record=promotion.id, seconds=0.0)


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


def compared_with_staging(promotion: Promotion, seen: Moment, world: World) -> tuple[list[str], str]:
    """Where production's touched objects are not what staging's became; and a sentence for the verdict.

    Raises `Unreachable` where it could not be looked at.
    """
    if promotion.plan.environment is not Environment.PRODUCTION:
        return [], ""
    runs = staged(world.ports.shelves, promotion.plan)
    own = [run for file in promotion.plan.files if (run := runs.get(file.version)) and run.sha256 == file.sha256]
    if len(own) != len(promotion.plan.files) or not own[0].before or not own[-1].after:
        return [], "its end state was not compared with staging's, which Stagedoor did not see"
    fetch = world.ports.shelves.fetch
    before, after = Snapshot.decoded(fetch(own[0].before)), Snapshot.decoded(fetch(own[-1].after))
    now = seen.catalog
    if now is None:
        raise Unreachable(seen.unread)
    if now.major != after.major:
        return [], f"its end state could not be compared: PostgreSQL {now.major} here, {after.major} on staging"
    touched = differences(before, after)
    wrong = [text for one in touched if (text := _unlike(one.key, [part for part, _, _ in one.parts], now, after))]
    return wrong, f"{len(touched)} touched object{'s are' if len(touched) != 1 else ' is'} as on staging"


def _unlike(key: Key, parts: list[str], now: Snapshot, aim: Snapshot) -> str:
    """How one object is not as on staging; of one that was changed only what was changed counts."""
    here, there = now.objects.get(key), aim.objects.get(key)
    if here is None or there is None:
        if here is there:
            return ""
        return f"{key[0]} {key[1]} is {'missing, and staging has it' if here is None else 'there, and staging lost it'}"
    if other := [part for part, _, _ in changed(there, here) if not parts or part in parts]:
        return f"{key[0]} {key[1]} is not as on staging ({', '.join(other)})"
    return ""


def _catalogs(promotion: Promotion, world: World) -> dict[str, Snapshot]:
    found = {file.version: _catalog(promotion, file.version, world) for file in promotion.plan.files}
    return {version: catalog for version, catalog in found.items() if catalog}


def _catalog(promotion: Promotion, version: str, world: World) -> Snapshot | None:
    kept = promotion.catalogs.get(version)
    return Snapshot.decoded(world.ports.shelves.fetch(kept)) if kept else None


def _rollbacks(promotion: Promotion, world: World) -> dict[str, Migration]:
    return proofs.rollbacks(promotion.plan, world.project, world.ports.shelves, world.ports.clock.now())


def _rows(promotion: Promotion) -> Mapping[str, Json]:
    """The rows of all files together; nothing where one of them was not seen."""
    total: dict[str, list[int]] = {}
    emptied: list[str] = []
    for file in promotion.plan.files:
        rows = promotion.seen.get(file.version, {}).get("rows")
        emptied += texts(promotion.seen.get(file.version, {}).get("emptied"))
        if not isinstance(rows, dict):
            return {}
        for table, counts in rows.items():
            assert isinstance(counts, list)
            own = [int(str(count)) for count in counts]
            total[table] = [was + more for was, more in zip(total.get(table, [0, 0, 0]), own, strict=True)]
    return {"rows": {table: list[Json](counts) for table, counts in total.items()}, "emptied": _each(emptied)}


def _locks(promotion: Promotion, world: World) -> dict[str, list[str]]:
    try:
        sizes = {where: world.project.databases[where].sizes() for where in Environment}
    except Unreachable:
        sizes = {}
    found: dict[str, list[str]] = {}
    for file in promotion.plan.files:
        before = _catalog(promotion, file.version, world)
        if before and (seen := promotion.seen.get(file.version)):
            here, there = sizes.get(Environment.STAGING, {}), sizes.get(Environment.PRODUCTION, {})
            found[file.version] = checklist.locks(before, seen, here, there)
    return found


def judges_ways_back(which: tuple[object, ...], skip: tuple[str, ...]) -> bool:
    return rollback_plan in which and rollback_plan.NAME not in skip


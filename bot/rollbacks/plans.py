"""Plans of rollbacks: which SQL takes a promotion back, and whether it was approved before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.catalog import Snapshot
from bot.domain.entry import Entry
from bot.domain.migration import Applied, Match, Migration
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.rolling_back import Rolling, Severity, Step
from bot.domain.way_back import Proof, Schema
from bot.errors import Refused, StagedoorError
from bot.evidence.proofs import proofs
from bot.evidence.safekeeping import backing
from bot.migrations.catalog.diff import differences
from bot.migrations.history import match
from bot.migrations.reversal import composed, name_of, next_version
from bot.migrations.transaction import statement_count
from bot.ports import Shelves
from bot.rollbacks import ground
from bot.world import Ports, Project

TOGETHER = "tried together with the other files of the plan"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What would be done now, with the bytes of the new migration."""

    plan: Plan
    rolling: Rolling
    content: bytes


def last_promotion(ports: Ports, project: str) -> Promotion | None:
    """The newest promotion that changed production and was not taken back."""
    for record in reversed(ports.journal.find(kind="promotion", project=project, limit=100_000)):
        promotion = Promotion.of(ports.journal.entries(about=record.id))
        if promotion.changed_something and not (promotion.taken_back and promotion.taken_back.done):
            return promotion
    return None


def steps_of(promotion: Promotion, shelves: Shelves, files: Iterable[Migration] = ()) -> tuple[Step, ...]:
    """The SQL for each file that is in, newest first: what was proven for its bytes, or a newer rollback file.

    Raises `Refused` where there is neither.
    """
    known = proofs(shelves, promotion.plan)
    written = {file.version: file for file in files}
    taken = [file for file in reversed(promotion.plan.files) if file.version in promotion.committed]
    if promotion.remaining:  # what was proven for all files at once does not fit a part of them
        known = {version: proof for version, proof in known.items() if TOGETHER not in proof.way.said}
    return tuple(_step(file, known.get(file.version), written.get(file.version), shelves) for file in taken)


def _step(file: PlannedFile, proof: Proof | None, back: Migration | None, shelves: Shelves) -> Step:
    if proof and proof.sha256 != file.sha256:
        proof = None
    # A file that was written or changed since is what people mean now, though nobody tried it.
    newer = back is not None and (proof is None or proof.down_sha256 != back.sha256)
    if proof and not newer and (proof.way.proven or proof.way.source == "file"):
        way = proof.way
        return Step(
            version=file.version, label=file.label, source=way.source, schema=str(way.schema), sql=proof.sql,
        )
    if back is None:
        raise Refused(
            f"No way back from {file.label} was proven, and there is no supabase/rollbacks/{file.filename}. "
            "Write that file and ask again, or put a forward fix in: /migrate promote --emergency REASON"
        )
    sha256 = shelves.keep(back.content)
    return Step(version=file.version, label=file.label, source="file", schema=str(Schema.UNKNOWN), sql=sha256)


def planned(
    ports: Ports, project: Project, promotion: Promotion, severity: Severity, reason: str,
    before: tuple[Plan, Rolling] | None = None,
) -> Planned:
    """The plan as of now, from what production says. Raises `Refused` with what is in the way, and `Unreachable`.

    `before` is the same rollback as it was planned: its version is kept while it still fits, and its SQL while the
    folder cannot be read.
    """
    shelves, production = ports.shelves, project.databases[Environment.PRODUCTION]
    history = production.history()
    head = max((row.version for row in history), default=None)
    _still_there(promotion, {row.version: row for row in history}, shelves)
    files, local = _written(project)
    steps = before[1].steps if before and files is None else steps_of(promotion, shelves, files or ())
    twin = f"supabase/rollbacks/{promotion.plan.files[0].filename}"
    content = composed([(step, shelves.fetch(step.sql)) for step in steps], promotion.id, reason, twin)
    now = production.catalog()
    first, last = ground.around(promotion, shelves)
    entries = list(ports.journal.entries(about=promotion.id))
    drafted = any(step.source == "draft" for step in steps)
    unlike = ground.otherwise(promotion, shelves)
    if unlike and drafted:
        raise Refused(
            f"{promotion.id} did not do to production what it did to staging ({', '.join(unlike[:3])}), so the draft "
            f"that was proven there may destroy what was here before. Write {twin}, and ask again."
        )
    changed = ground.told(ports, promotion, drafted, first, last, now)
    known = proofs(shelves, promotion.plan)
    ways = [known[step.version].way for step in steps if step.version in known and known[step.version].sql == step.sql]
    told = [*changed, *([f"Production and staging took it differently: {', '.join(unlike[:5])}."] if unlike else ())]
    until, why_not = _preapproved(entries, promotion, steps, project, head, first, last, now)
    if until and changed:
        until, why_not = None, changed[0].rstrip(".")       # nobody approved that this goes, too
    if unlike:
        until, why_not = None, "production and staging took the promotion differently"
    elif None in ground.seen(promotion, shelves):
        until, why_not = None, "production's catalog around the promotion was not seen"
    rolling = Rolling(
        of=promotion.id, severity=severity, reason=reason, steps=steps, ground=ground.ground(head, first, last, now),
        before=shelves.keep(first.encoded()) if first else "", after=shelves.keep(last.encoded()) if last else "",
        until=until, why_not=why_not, lost=_each(text for way in ways for text in way.lost),
        given_up=_each(text for way in ways for text in way.given_up),
        stays=_each(text for way in ways for text in way.stays), told=tuple(told),
        kept_in=promotion.backup.id if promotion.backup and promotion.backup.done else "",
    )
    version = next_version(head, {row.version for row in history} | local)
    if before and before[0].head == head:
        version = before[0].files[0].version
    name = name_of(steps, {file.version: file.name for file in promotion.plan.files})
    file = PlannedFile(
        version=version, name=name, filename=f"{version}_{name}.sql",
        sha256=shelves.keep(content), statements=statement_count(content), purpose=f"Undo {rolling.label}",
    )
    plan = Plan(project=project.name, environment=Environment.PRODUCTION, head=head, files=(file,))
    return Planned(plan=plan, rolling=replace(rolling, told=(*told, *_unbacked(ports, project, plan))), content=content)


def _unbacked(ports: Ports, project: Project, plan: Plan) -> tuple[str, ...]:
    """What people have to know of its backup before they decide: that none can be taken now."""
    found = backing(plan, (), project, ports.shelves, ports.clock.now())
    if found is None or not found.trouble:
        return ()
    return (f"A backup comes first, and none can be taken now: {found.trouble} Without one nothing goes back.",)


def _still_there(promotion: Promotion, rows: Mapping[str, Applied], shelves: Shelves) -> None:
    for file in promotion.plan.files:
        if file.version not in promotion.committed:
            continue
        row = rows.get(file.version)
        own = Migration(
            version=file.version, name=file.name, filename=file.filename, content=shelves.fetch(file.sha256),
        )
        if row is None:
            raise Refused(f"Production's history no longer holds {file.label}, so {promotion.id} cannot be taken back.")
        if match(own, row) is Match.EDITED:
            raise Refused(f"Production's history holds other statements for {file.label} than {promotion.id} put in.")


def _written(project: Project) -> tuple[tuple[Migration, ...] | None, set[str]]:
    """The rollback files and the versions of the folder; a rollback does not wait for a code host that is down."""
    with suppress(StagedoorError):
        folder = project.migrations.read()
        return folder.rollbacks, {file.version for file in folder.migrations}
    return None, set()


def _preapproved(
    entries: Sequence[Entry], promotion: Promotion, steps: Sequence[Step], project: Project, head: str | None,
    first: Snapshot | None, last: Snapshot | None, now: Snapshot,
) -> tuple[datetime | None, str]:
    """Until when the word given with the promotion counts for this rollback; or why it does not."""
    approved = _approved_with(entries)
    for step in steps:
        if step.schema not in (Schema.EXACT, Schema.ORDER):
            return None, f"the rollback of {step.label} was not proven"
        if not approved or any(sql.get(step.version) != step.sql for sql in approved):
            return None, f"the rollback of {step.label} is not the one that was approved with {promotion.id}"
    newest = [file.version for file in promotion.plan.files if file.version in promotion.committed][-1]
    if head != newest:
        return None, f"production is at {head} by now"
    if first is None or last is None:
        return None, "nobody saw the catalog from before"
    if any(now.objects.get(one.key) != last.objects.get(one.key) for one in differences(first, last)):
        return None, f"what {promotion.id} made was changed since"
    until = max(row.at for row in promotion.committed.values()) + project.policy.rollback.preapproved
    return until, ""


def _approved_with(entries: Sequence[Entry]) -> list[dict[str, str]]:
    """The SQL of the way back, by version, that each approver of the promotion had before them."""
    shown: dict[str, str] = {}
    given: dict[str, dict[str, str]] = {}
    for entry in entries:
        if entry.kind == "way_back.seen":
            sql = entry.data.get("sql")
            shown = {version: str(sha) for version, sha in sql.items()} if isinstance(sql, dict) else {}
        elif entry.kind == "promotion.approved":
            given.setdefault(entry.actor, shown)
        elif entry.kind == "approval.void":
            given.pop(str(entry.data["voter"]), None)
    return list(given.values())


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))

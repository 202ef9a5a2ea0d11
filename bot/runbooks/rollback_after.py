"""After a rollback: staging is brought to the same place, and the new migration gets its file."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.entry import Fact, Json, Opening
from bot.domain.migration import Match, Migration
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.errors import Refused, StagedoorError, Unknown, Unreachable
from bot.migrations.history import match
from bot.policy.terms import terms
from bot.ports import Put
from bot.rollbacks.rights import rolling
from bot.runbooks.outcome import Next, Outcome, Wait
from bot.runbooks.rescue import promotion_of
from bot.runbooks.steps import SETTLE
from bot.world import World

ASK_AGAIN = timedelta(hours=24)
"""How often a review that is owed is asked for."""

PATIENCE = timedelta(minutes=10)
"""How long staging, or the place for the file, may be out of reach before that is said and left to people."""


def staging(promotion: Promotion, world: World) -> Outcome:
    """Take it back on staging by the very same migration, in a staging run of its own."""
    world.release_project()
    own, now = rolling(promotion), world.ports.clock.now()
    if own.staged:
        return Next(said=own.staged)
    if own.staging:
        return _waited(promotion, world)
    try:
        why_not = _not_there(promotion, world)
    except Unreachable as trouble:
        if now < _since(promotion) + PATIENCE:
            return Wait(for_=f"staging to answer: {trouble}", until=now + SETTLE)
        why_not = f"staging did not answer ({trouble}) and was left as it is"
    if why_not:
        world.note("rollback.staged", {"said": why_not, "well": False})
        return Next(said=why_not)
    run = _opened(promotion, world)
    world.note("rollback.staging", {"record": run})
    world.ports.wake(run)
    return Wait(for_=run, until=now + SETTLE)


def _waited(promotion: Promotion, world: World) -> Outcome:
    """How the staging run went, as soon as it is in and verified or over."""
    run, now = rolling(promotion).staging, world.ports.clock.now()
    staged, record = Promotion.of(world.ports.journal.entries(about=run)), world.ports.journal.load(run)
    if staged.verified:
        world.note("rollback.staged", {"said": f"taken back there too, by {run}", "well": True})
        return Next(said="staging likewise")
    if staged.ending or record is None or record.status is Status.ENDED:
        why = staged.ending.why if staged.ending else ""
        world.note("rollback.staged", {"said": f"not taken back there: {run} stopped. {why}".rstrip(), "well": False})
        return Next(said="staging differs")
    if now >= _since(promotion) + PATIENCE:
        world.note("rollback.staged", {"said": f"not taken back there yet: see {run}", "well": False})
        return Next(said="staging is behind")
    return Wait(for_=f"{run} on staging", until=now + SETTLE)


def _not_there(promotion: Promotion, world: World) -> str:
    """Why there is nothing to take back on staging; empty where there is."""
    back, fetch = promotion_of(promotion, world), world.ports.shelves.fetch
    rows = {row.version: row for row in world.project.databases[Environment.STAGING].history()}
    for file in back.plan.files:
        if file.version not in back.committed:
            continue
        row = rows.get(file.version)
        own = Migration(version=file.version, name=file.name, filename=file.filename, content=fetch(file.sha256))
        if row is None:
            return f"it does not have {file.label}, so there is nothing to take back there"
        if match(own, row) is Match.EDITED:
            return f"it was staged anew with another {file.label}, so this does not fit there and it was left as it is"
    return ""


def _opened(promotion: Promotion, world: World) -> str:
    """A staging run of the rollback's own file, once however often this is walked."""
    ports, key = world.ports, f"rollback:{promotion.id}:staging"
    if known := ports.shelves.get("requests", key):
        return str(known["record"])
    head = max((row.version for row in world.project.databases[Environment.STAGING].history()), default=None)
    plan = Plan(
        project=promotion.plan.project, environment=Environment.STAGING, head=head, files=promotion.plan.files,
    )
    data: dict[str, Json] = {
        "kind": "staging", "plan": plan.to_json(), "terms": terms(world.policy), "for": promotion.id,
    }
    # No gate judges it: its file is not in the folder yet, and it is older than what waits on staging.
    begins = Opening(kind="staging", project=plan.project, stage="apply")
    by = promotion.requested_by
    ports.journal.open(lambda take: (
        [Fact(about=(record := take("S")), kind="promotion.requested", actor=by, data=data, opens=begins)],
        [Put(shelf="requests", key=key, doc={"record": record})],
    ), key=key)
    return str((ports.shelves.get("requests", key) or {}).get("record", ""))


def file(promotion: Promotion, world: World) -> Outcome:
    """Put the file where the project's migrations are: into the folder, or into a pull request."""
    own, now = rolling(promotion), world.ports.clock.now()
    if own.filed:
        return Next()
    [planned] = promotion.plan.files
    content = world.ports.shelves.fetch(planned.sha256)
    title = f"Roll back {own.of}: {own.label}"
    said = f"{promotion.id} has this in production already. {own.reason}"
    try:
        kept = world.project.migrations.add(planned.filename, content, title, said)
        data: dict[str, Json] = {"said": kept.where, "link": kept.url, "merged": kept.merged}
    except (Refused, Unknown, Unreachable) as trouble:
        if isinstance(trouble, Unreachable) and now < _since(promotion) + PATIENCE:
            return Wait(for_=str(trouble), until=now + SETTLE)
        data = {"said": _by_hand(planned.filename, trouble), "link": "", "merged": False}
    world.note("rollback.filed", {"name": planned.filename, **data})
    return Next()


def review(promotion: Promotion, world: World) -> Outcome:
    """Where one person let it begin alone, somebody else looks at it afterwards; asked for each day until then."""
    own, now = rolling(promotion), world.ports.clock.now()
    if own.alone is None or own.reviewed_by or not promotion.committed:
        return Next()
    if own.review_asked is None or now >= own.review_asked + ASK_AGAIN:
        people = (*world.policy.approvals.approvers, *world.policy.incidents.on_call)
        world.note("rollback.review", {
            "people": [each for each in dict.fromkeys(people) if each != own.alone.by],
            "again": own.review_asked is not None,
        })
        return Wait(for_="its review", until=now)
    return Wait(for_="its review", until=own.review_asked + ASK_AGAIN)


def _by_hand(name: str, trouble: StagedoorError) -> str:
    return f"{name} could not be put there: {trouble} Put it there by hand; this thread has it."


def _since(promotion: Promotion) -> datetime:
    return max(row.at for row in promotion.committed.values())

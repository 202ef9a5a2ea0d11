"""Promotions that follow one another: what those before one still have to bring before it can go in."""

from __future__ import annotations

from bot.domain.evidence import Ahead
from bot.domain.migration import Migration
from bot.domain.plan import Plan
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.world import Ports


def following(plan: Plan, ports: Ports) -> Ahead | None:
    """The promotion that a plan was made to follow, as it stands now; None where it follows none."""
    record = ports.journal.load(plan.after) if plan.after else None
    if record is None:
        return None
    promotion = Promotion.of(ports.journal.entries(about=record.id))
    before = following(promotion.plan, ports)
    over = promotion.cancelled_by or promotion.rejected or promotion.course.stopped
    live = record.status is Status.LIVE and not over
    return Ahead(
        record=record.id, live=live and (before is None or before.live or not before.brings),
        brings=(*(before.brings if before else ()), *(file.version for file in promotion.remaining)),
    )


def goes_first(plan: Plan, ports: Ports) -> str:
    """The promotion that has to be in, and verified, before this plan may begin; nothing when none has to."""
    record = ports.journal.load(plan.after) if plan.after else None
    return record.id if record is not None and _still(record) else ""


def newest(project: str, ports: Ports) -> Promotion | None:
    """The live promotion with the highest version that is not in yet: what is asked for next follows it."""
    waiting = [
        promotion
        for record in ports.journal.find(kind="promotion", project=project, status=Status.LIVE)
        if _still(record)
        and (promotion := Promotion.of(ports.journal.entries(about=record.id))).remaining
        and not (promotion.cancelled_by or promotion.rejected or promotion.course.stopped)
    ]
    return max(waiting, key=lambda promotion: promotion.remaining[-1].version, default=None)


def beyond(before: Promotion, pending: list[Migration]) -> list[Migration]:
    """Of what is pending, that which no live promotion brings; where nothing is left, what `before` brings itself."""
    newer = [file for file in pending if file.version > before.plan.files[-1].version]
    own = {file.version for file in before.plan.files}
    return newer or [file for file in pending if file.version in own] or pending


def ground(before: Promotion, first: str) -> tuple[str | None, str]:
    """The head that a plan beginning with version `first` is made for, and the promotion that has to bring it."""
    if first > before.plan.files[-1].version:
        return before.plan.files[-1].version, before.id
    if first == before.plan.files[0].version:
        return before.plan.head, before.plan.after
    return None, ""


def _still(record: Record) -> bool:
    return record.status is Status.LIVE and record.stage not in ("watch", "done")

"""Resuming the rest of a promotion that stopped: who may, and whether what was approved then still holds."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from bot.domain.carried import Carried
from bot.domain.entry import Json
from bot.domain.plan import Plan
from bot.domain.promotion import Promotion
from bot.domain.span import span
from bot.errors import Refused
from bot.policy import Policy
from bot.ports import People
from bot.roles import require_approver, require_member, require_operator


def require_resumer(by: str, people: People, policy: Policy) -> None:
    """Raises `Refused` unless this person is an operator or an approver."""
    person = people.find(by)
    require_member(person, policy)
    for require in (require_operator, require_approver):
        with suppress(Refused):
            require(person, policy)
            return
    listed = (*policy.roles.operators, *policy.approvals.approvers)
    raise Refused("Only an operator or an approver may resume it.", can=listed)


def request(promotion: Promotion, plan: Plan, by: str, at: datetime, policy: Policy) -> dict[str, Json]:
    """What goes over to the promotion of the rest: all that was said of it, if bytes and head are as approved.

    Approvals are as good as young: what was said longer ago than one may wait for an approval is asked anew.
    """
    base: dict[str, Json] = {"record": promotion.id, "by": by}
    if asks := _asks(promotion, plan) or _aged(promotion, at, policy.approvals.expire_after):
        return {**base, "asks": asks}
    words = Carried(
        asked_by=promotion.requested_by, approvals=promotion.approvals, ticks=promotion.ticks,
        waivers=promotion.waivers,
    )
    return {**base, "carried": words.to_json()}


def _aged(promotion: Promotion, at: datetime, expire_after: timedelta) -> str:
    oldest = min(promotion.approvals.values(), default=at)
    return f"its approval is older than {span(expire_after.total_seconds())}" if at - oldest >= expire_after else ""


def _asks(promotion: Promotion, plan: Plan) -> str:
    left = {file.version: file.sha256 for file in promotion.remaining}
    now = {file.version: file.sha256 for file in plan.files}
    if edited := [version for version, sha256 in now.items() if left.get(version) != sha256]:
        return f"the bytes of {', '.join(edited)} are not the ones that were approved"
    if gone := [version for version in left if version not in now]:
        return f"{', '.join(gone)} is no longer a part of it"
    if plan.head != promotion.expected_head:
        return f"{promotion.where} moved from {promotion.expected_head} to {plan.head}"
    return ""

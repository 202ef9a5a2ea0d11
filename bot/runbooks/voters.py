"""Whose word still counts at the moment of use: approvals and waivers are judged again for every person."""

from __future__ import annotations

from bot.domain.promotion import Promotion
from bot.errors import Refused, Unknown
from bot.roles import requesters, require_approver, required_approvals
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.world import World

LOST = "no longer a listed approver and full member"
WROTE = "wrote or pushed a part of it"


def still_count(promotion: Promotion, world: World) -> Outcome | None:
    """None while enough words count; otherwise where the promotion goes back to, and the words that are void."""
    promotion = Promotion.of(world.ports.journal.entries(about=promotion.id))
    for gate, waiver in promotion.waivers.items():
        if why := void(waiver.by, requesters(promotion, world.policy), world):
            world.note("gate.waiver_void", {"gate": gate, "by": waiver.by, "why": why})
            return Next(to="gates", said="a waiver no longer counts")
    may = world.policy.approvals.requester_may_approve
    for voter in promotion.approvals:
        if why := void(voter, frozenset() if may else requesters(promotion, world.policy), world):
            world.note("approval.void", {"voter": voter, "why": why})
            return Next(to="approval", said="an approval no longer counts")
    if len(promotion.approvals) < required_approvals(promotion, world.policy):
        return Next(to="approval", said="an approval is missing")
    return None


def asked_for(promotion: Promotion, world: World) -> Outcome | None:
    """Ask the approvers once and wait until enough of them approved; None when they did."""
    now, policy = world.ports.clock.now(), world.policy.approvals
    required = required_approvals(promotion, world.policy)
    if promotion.asked_at is None and len(promotion.approvals) >= required:
        return None  # given to the promotion whose rest this is; each voter is judged again when it is applied
    if promotion.asked_at is None:
        world.note("approval.asked", {"required": required, "approvers": list(policy.approvers)})
        return Wait(for_="approval", until=now)
    expires = promotion.asked_at + policy.expire_after
    if now >= expires:
        return Stop(verdict="expired", why=f"nobody decided within {policy.expire_after}")
    return Wait(for_="approval", until=expires) if len(promotion.approvals) < required else None


def void(person: str, asking: frozenset[str], world: World) -> str:
    """Why a person's word no longer counts; `asking` are those who needed somebody else's."""
    if person in asking:
        return WROTE
    try:
        require_approver(world.ports.people.find(person), world.policy)
    except (Refused, Unknown):
        return LOST
    return ""

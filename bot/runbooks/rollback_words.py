"""Whose word lets a rollback begin: the one given with its promotion, one other approver, or broken glass."""

from __future__ import annotations

from datetime import datetime

from bot.alerts.needs_person import STANDS
from bot.domain.alert import Alert
from bot.domain.promotion import Promotion
from bot.domain.rolling_back import How, Word
from bot.errors import Refused, Unknown
from bot.policy import Policy
from bot.roles import require_approver, require_on_call, require_rescuer
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.rescue import call_people, rolling
from bot.watch.raising import held
from bot.world import World

JUDGES = {How.PRESSED: require_on_call, How.APPROVED: require_approver, How.GLASS: require_rescuer}
"""What each kind of word takes, at the click and again at the moment of use."""


def asked_for(promotion: Promotion, world: World) -> Outcome:
    """Page once, open the glass when nobody answers, and go on with the first word that counts."""
    own, now, policy = rolling(promotion), world.ports.clock.now(), world.policy
    for word in own.words:
        if not (why := void(word, promotion, world)):
            if word.how is How.GLASS:
                call_people(promotion, world, f"nobody answered, so it begins on one person's word: {word.reason}")
            return Next(said=word.how)
        world.note("rollback.void", {"by": word.by, "why": why})
        return Wait(for_="approval", until=now)
    if own.paged_at is None:
        pressable = may_be_pressed(promotion, now)
        people = (*policy.incidents.on_call, *policy.approvals.approvers)
        world.note("rollback.paged", {
            "people": list(dict.fromkeys(people)), "pressable": pressable,
            "glass_at": (now + policy.rollback.break_glass_after).isoformat(),
        })
        return Wait(for_="approval", until=now)
    if own.answered is None and not own.glass and (answer := _answer(promotion, own.paged_at, world)):
        by, at = answer
        until = at + policy.rollback.break_glass_after
        world.note("rollback.answered", {"by": by, "at": at.isoformat(), "glass_at": until.isoformat()})
        return Wait(for_="approval", until=now)
    glass_at = (own.answered[1] if own.answered else own.paged_at) + policy.rollback.break_glass_after
    expires = own.paged_at + policy.approvals.expire_after
    if not own.glass and now >= glass_at:
        world.note("rollback.glass", {"people": [promotion.requested_by, *policy.incidents.on_call]})
    if now >= expires:
        return Stop(verdict="expired", why=f"nobody decided within {policy.approvals.expire_after}")
    return Wait(for_="approval", until=expires if own.glass or now >= glass_at else min(glass_at, expires))


def _answer(promotion: Promotion, since: datetime, world: World) -> tuple[str, datetime] | None:
    """Who acknowledged the alert that calls people to it, if that is one whose word would let it begin."""
    found = held(world.ports, promotion.plan.project, f"{STANDS}:{promotion.id}")
    if found is None:
        return None
    said = Alert.of(world.ports.journal.entries(about=found.record)).acknowledged
    if said is None or said[1] < since:
        return None
    how = How.PRESSED if may_be_pressed(promotion, said[1]) else How.APPROVED
    return None if void(Word(by=said[0], at=said[1], how=how), promotion, world) else said


def still_count(promotion: Promotion, world: World) -> Outcome | None:
    """None while the word that let it begin counts; otherwise it goes back to ask for another."""
    promotion = Promotion.of(world.ports.journal.entries(about=promotion.id))
    for word in rolling(promotion).words:
        if not (why := void(word, promotion, world)):
            return None
        world.note("rollback.void", {"by": word.by, "why": why})
    return Next(to="approval", said="no word that still counts")


def may_be_pressed(promotion: Promotion, at: datetime) -> bool:
    """Whether the word that was given with the promotion still holds."""
    until = rolling(promotion).until
    return until is not None and at <= until


def void(word: Word, promotion: Promotion, world: World) -> str:
    """Why somebody's word does not count, now; empty while it does."""
    if word.how is How.PRESSED and not may_be_pressed(promotion, word.at):
        return "the word that was given with the promotion had ended"
    if word.how is How.APPROVED and not may_approve(word.by, promotion, world.policy):
        return "it takes somebody other than the one who asked"
    try:
        JUDGES[word.how](world.ports.people.find(word.by), world.policy)
    except (Refused, Unknown):
        return "no longer one of those who may"
    return ""


def may_approve(by: str, promotion: Promotion, policy: Policy) -> bool:
    """The one who asked for the rollback does not approve it, unless the policy lets requesters approve."""
    return by != promotion.requested_by or policy.approvals.requester_may_approve

"""Whose word lets a rollback begin: the one given with its promotion, one other approver, or broken glass."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.alerts.needs_person import STANDS
from bot.domain.alert import Alert
from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.domain.rolling_back import How, Word
from bot.rollbacks.rights import may_be_pressed, rolling, void
from bot.runbooks.outcome import Next, Outcome, Stop, Wait
from bot.runbooks.rescue import call_people
from bot.watch.raising import held
from bot.world import World


def asked_for(promotion: Promotion, world: World) -> Outcome:
    """Page once, open the glass when nobody answers, and go on with the first word that counts."""
    own, now, policy = rolling(promotion), world.ports.clock.now(), world.policy
    for word in own.words:
        if not (why := void(word, promotion, world)):
            if word.how is How.GLASS:
                call_people(promotion, world, f"nobody answered, so it begins on one person's word: {word.reason}")
            return Next(said=word.how)
        _void(word.by, why, world)
        return Wait(for_="approval", until=now)
    pressable = may_be_pressed(promotion, now)
    if own.paged_at is None or own.paged_ground != own.ground or own.pressable != pressable:
        first = (own.answered[1] if own.answered else own.paged_at) or now
        world.note("rollback.paged", {
            "people": _people(world), "pressable": pressable, "again": own.paged_at is not None, "why": own.why_not,
            "glass_at": (first + policy.rollback.break_glass_after).isoformat(),
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
    ends = [expires, *([] if own.glass or now >= glass_at else [glass_at])]
    ends += [own.until + timedelta(microseconds=1)] if pressable and own.until else []
    return Wait(for_="approval", until=min(ends))


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
        _void(word.by, why, world)
    return Next(to="approval", said="no word that still counts")


def _void(by: str, why: str, world: World) -> None:
    world.note("rollback.void", {"by": by, "why": why, "people": _people(world)})


def _people(world: World) -> list[Json]:
    return list(dict.fromkeys((*world.policy.incidents.on_call, *world.policy.approvals.approvers)))

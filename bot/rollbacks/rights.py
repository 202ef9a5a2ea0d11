"""Who may let a rollback begin: judged at the click, and again at the moment of use."""

from __future__ import annotations

from datetime import datetime

from bot.domain.promotion import Promotion
from bot.domain.rolling_back import How, Rolling, Word
from bot.errors import Refused, Unknown
from bot.policy import Policy
from bot.roles import require_approver, require_on_call, require_rescuer
from bot.world import World

JUDGES = {How.PRESSED: require_on_call, How.APPROVED: require_approver, How.GLASS: require_rescuer}
"""What each kind of word takes, at the click and again at the moment of use."""


def rolling(promotion: Promotion) -> Rolling:
    """What the rollback is about."""
    assert promotion.rolling is not None
    return promotion.rolling


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

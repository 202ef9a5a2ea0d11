"""Whether the rest of a promotion that stopped may be resumed."""

from __future__ import annotations

from bot.domain.promotion import Promotion

LOCK_TIMEOUT = "55P03"


def why_not(promotion: Promotion) -> str:
    """Why there is nothing to resume, as the end of a sentence; empty when there is."""
    ending, failure = promotion.ending, promotion.failure
    if promotion.taken_back and not promotion.taken_back.ended:
        return f"is being rolled back, or was, by {promotion.taken_back.record}"
    if ending is not None and ending.verdict != "failed":
        return f"ended otherwise: {ending.verdict}"
    if ending is None and not promotion.course.stopped:
        return "has not stopped"
    if promotion.course.resumed_as:
        return f"was resumed already, as {promotion.course.resumed_as}"
    if failure is None or not promotion.remaining:
        return "left nothing to go on with"
    if not failure.clean and not failure.left:
        return "may have left a part of a file behind that no try would find. Look at the database first"
    if not promotion.changed_something and not is_lock(promotion) and not failure.left:
        return f"changed nothing: mend the cause and ask again with /migrate {_verb(promotion)}"
    return ""


def is_lock(promotion: Promotion) -> bool:
    """Whether it was stopped by others' locks alone."""
    failure = promotion.failure
    return failure is not None and (failure.sqlstate == LOCK_TIMEOUT or bool(failure.blockers))


def _verb(promotion: Promotion) -> str:
    return "promote" if promotion.kind == "promotion" else "stage"

"""What destroys data has a backup first: here, that one can be taken when its turn comes."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence

TITLE = "A backup can be taken"
NAME = "backup"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """No line where the plan needs none; found out now, not when everybody waits for it."""
    backing = evidence.backup
    if backing is None:
        return ()
    if not backing.trouble:
        return (Check(gate=NAME, title=TITLE, state=State.PASSED, said=f"{backing.why}; {backing.said}"),)
    state = State.WAITING if backing.known else State.UNKNOWN
    why = backing.why[:1].upper() + backing.why[1:]
    return (Check(gate=NAME, title=TITLE, state=state, said=f"{why}, so a backup comes first. {backing.trouble}"),)

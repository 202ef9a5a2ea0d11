"""What only a person can have checked: the policy's manual lines, ticked with `Confirm`."""

from __future__ import annotations

from bot.domain.checklist import Check, State
from bot.domain.evidence import Evidence

TITLE = "Confirmed by a person"


def check(evidence: Evidence) -> tuple[Check, ...]:
    """One line for each of the policy's labels."""
    return tuple(tick("manual", label, evidence) for label in evidence.manual)


def tick(gate: str, label: str, evidence: Evidence) -> Check:
    """The line of one label: who ticked it and when, or that it waits for somebody."""
    given = evidence.ticks.get(label)
    if given is None:
        return Check(gate=gate, title=label, state=State.WAITING, said="not confirmed yet", label=label)
    return Check(gate=gate, title=label, state=State.PASSED, said="", label=label, by=given.by, at=given.at)
